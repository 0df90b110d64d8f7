"""Components and executors: one for each step, or for all steps that are calls of one component."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Channel, Gate, Job, steps_of_pod
from kfnb.engines.cluster.lowering.kubernetes_names import Names
from kfnb.engines.cluster.lowering.plain_container_commands import (
    OUT,
    Placeholders,
    container_command,
    escape_dollars,
    exporting,
    has_shell,
)
from kfnb.engines.cluster.lowering.pod_security import home_variable
from kfnb.engines.cluster.packaging.code_bundle import arguments, compact_json, compress, runtime_bundle
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.kfp.ir.coded_scripts import coding, decoding, reporting
from kfnb.engines.kfp.ir.platform_document import platform_of, resources_of
from kfnb.engines.kfp.ir.shown_artifacts import shown_artifacts
from kfnb.runtime.pods.handover.coded_text import coded
from kfnb.runtime.pods.pod_members import numbered

Json = dict[str, Any]
TYPES = {
    "str": "STRING", "int": "NUMBER_INTEGER", "float": "NUMBER_DOUBLE", "bool": "BOOLEAN", "list": "LIST", "dict": "STRUCT",
    "any": "STRING",
}  # fmt: skip
COMPONENT = "KFNB_COMPONENT"  #: the environment variable that makes equal containers of different components differ
IMPORTER_OUTPUT = "artifact"  #: the name of an importer's output
ARTIFACT = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}
#: Finds the runtime in the arguments or in the pack of an earlier step, unpacks it and calls it. The arguments are: the number of pieces
#: of the runtime, the pieces, the step's code, and the launcher's ExecutorInput. When several steps call one component, the code is the
#: part that all calls have in common, and the input ``step`` holds the rest.
BOOT = """\
import sys,json,zlib,binascii,os,gc
gc.disable()
a=sys.argv;n=int(a[1])+2;e=json.loads(a[-1]);i=e.get("inputs",{});u=binascii.a2b_base64
r="".join(a[2:n]);t=zlib.decompress(u("".join(a[n:-1])))
s=i.get("parameterValues",{}).get("step")
if s:t=zlib.decompressobj(-15,t[-32768:]).decompress(u(s))
if not r:
    p=[x for v in i["artifacts"].values() for x in v["artifacts"]][0]
    p=p.get("customPath") or p["uri"]
    for k in("gs","minio","s3","oci"):
        if p.startswith(k+"://"):p="/"+{"gs":"gcs"}.get(k,k)+p[len(k)+2:]
    with open(p,"rb") as f:r=f.read(400000)
    k=r.find(b"runtime.json")+12;r=r[k:k+int.from_bytes(r[k-24:k-20],"little")].decode()
d=(os.environ.get("TMPDIR")or"/tmp")+"/kfnb-"+os.urandom(8).hex()
k=iter(zlib.decompress(u(r)).split(b"\\0"))
for n,v in zip(k,k):
    p=d+"/"+n.decode();q=os.path.dirname(p)
    if not os.path.isdir(q):os.makedirs(q,exist_ok=True)
    with open(p,"wb",0) as f:f.write(v)
sys.path.insert(0,d);sys.dont_write_bytecode=True
from kfnb.runtime.pods.kfp_pod import main
from kfnb.runtime.step_exit import leave
leave(main(json.loads(t.decode()),a[-1],r))
"""


@dataclass(frozen=True)
class Wiring:
    """The names of a component's inputs, by channel. ``lists`` are the channels that collect the values of all iterations of a loop."""

    keys: dict[Channel, str]
    lists: frozenset[Channel]


@dataclass
class Executors:
    """The components of one pipeline that run containers, and their executors."""

    options: ClusterOptions
    types: dict[str, str]
    specs: dict[str, Json]  #: the runtime spec of each step
    groups: dict[str, list[str]]  #: the steps that call each component, for components with several calls
    raw: Collection[Channel] = ()  #: the texts that somebody reads who cannot decode them
    entered: dict[str, tuple[Gate, ...]] = field(default_factory=dict)  #: the branches that scripts enter themselves
    components: dict[str, Json] = field(default_factory=dict)
    executors: dict[str, Json] = field(default_factory=dict)
    platform: dict[str, Json] = field(default_factory=dict)
    _commons: dict[str, str] = field(default_factory=dict)
    _names: Names = field(default_factory=Names)
    _component_names: dict[tuple[Any, ...], str] = field(default_factory=dict)
    _interfaces: dict[str, Json] = field(default_factory=dict)  #: by a container's text, the interface that has it

    def __post_init__(self) -> None:
        self.runtime = runtime_bundle("kfp", self.specs.values()) if self.specs else ""

    def component(self, job: Job, wiring: Wiring, status: str = "") -> str:
        """The name of the component that runs a job. ``status`` is the input that takes the final status of a guard's body."""
        lists = tuple(k for c, k in wiring.keys.items() if c in wiring.lists)
        outputs = tuple(output_of(job, c) for c in job.outputs)
        key = (
            self._group(job),
            self.options.image_of(job.step.settings, steps_of_pod(job)[0].name),
            status,
            job.step.settings,
            tuple(_displayed(job)),
            tuple(wiring.keys.values()),
            lists,
            outputs,
        )
        if key not in self._component_names:
            inline = not any(c.kind == "pack" for c in wiring.keys)
            interface = {
                **_inputs(job, wiring, self.types, self.grouped(job), status, self.entered.get(job.name, ())),
                **_outputs(job),
            }
            name = self._names.new(f"{self._group(job)} first" if self.grouped(job) and inline else self._group(job))
            self._component_names[key] = f"comp-{name}"
            self.components[f"comp-{name}"] = {"executorLabel": f"exec-{name}", **interface}
            container = self._plain_container(job, wiring) if job.plain_container else self._python(job, inline)
            resources = resources_of(job.step.settings)
            container = {**container, **({"resources": resources} if resources else {})}
            self.executors[f"exec-{name}"] = {"container": self._distinct(container, interface, name)}
            pod = platform_of(job, self.options)
            if pod:
                self.platform[f"exec-{name}"] = pod
        return self._component_names[key]

    def _distinct(self, container: Json, interface: Json, name: str) -> Json:
        """The container, with a variable more when a component with another interface has the same container.

        The backend keeps the specs of components by the hash of their containers, so such components would share one interface
        (kubeflow/pipelines `argocompiler/argo.go`, ``hashComponentContainer``).
        """
        if self._interfaces.setdefault(compact_json(container), interface) == interface:
            return container
        variable = {"name": COMPONENT, "value": name}
        return self._distinct({**container, "env": [*container.get("env", ()), variable]}, interface, name)

    def importer_task(self, task: str, uri: str) -> Json:
        """The task that imports an artifact of an earlier run, in the form that the SDK emits."""
        name = self._names.new(f"{task} left")
        uris = {"uri": {"parameterType": "STRING"}}
        self.components[f"comp-{name}"] = {
            "executorLabel": f"exec-{name}",
            "inputDefinitions": {"parameters": uris},
            "outputDefinitions": {"artifacts": {IMPORTER_OUTPUT: {"artifactType": ARTIFACT}}},
        }
        self.executors[f"exec-{name}"] = {"importer": {"artifactUri": {"constant": uri}, "typeSchema": ARTIFACT}}
        return {
            "componentRef": {"name": f"comp-{name}"},
            "inputs": {"parameters": {"uri": {"runtimeValue": {"constant": uri}}}},
            "taskInfo": {"name": task},
        }

    def _group(self, job: Job) -> str:
        return job.step.component if self.grouped(job) else job.name

    def grouped(self, job: Job) -> bool:
        """Whether several steps call the component of this job, so that they share its code."""
        return not job.plain_container and job.step.component in self.groups

    def delta(self, job: Job) -> str:
        """The spec of one call of a component, compressed with the spec that all calls have in common as its dictionary."""
        return compress(compact_json(self.specs[job.name]), self._common(job))

    def _common(self, job: Job) -> str:
        """The spec that the calls of a component have in common: that of the second call, because the first often has no inputs."""
        component = job.step.component
        if component not in self._commons:
            self._commons[component] = compact_json(self.specs[self.groups[component][1]])
        return self._commons[component]

    def _python(self, job: Job, inline: bool) -> Json:
        code = compress(self._common(job) if self.grouped(job) else compact_json(self.specs[job.name]))
        pieces = arguments(self.runtime) if inline else []
        return {
            "image": self.options.image_of(job.step.settings, steps_of_pod(job)[0].name),
            "command": ["python3", "-u", "-c", BOOT],
            "args": [str(len(pieces)), *pieces, *arguments(code), "{{$}}"],
        }

    def _plain_container(self, job: Job, wiring: Wiring) -> Json:
        placeholders = Placeholders(
            lambda n: "{{$.inputs.parameters['%s']}}" % n, lambda n: "{{$.outputs.parameters['%s'].output_file}}" % n, escape_dollars,
        )  # fmt: skip
        if job.step.shell:
            gates = tuple(
                (g, "{{$.inputs.parameters['%s']}}" % choice_input(g)) for g in self.entered.get(job.name, ())
            )
            placeholders = replace(placeholders, literal=coded, written=partial(self._written, job), gates=gates)
        command = container_command(job, placeholders)
        if job.step.shell:
            command = decoding(command)
        elif has_shell(
            job.step
        ):  # the backend replaces placeholders in the words of a container, not in its environment
            inputs = {i.name: placeholders.text(i.name) for i in job.step.inputs}
            outputs = {o.name: placeholders.path(o.name) for o in job.step.shell_outputs}
            command = exporting(command, {**inputs, **outputs})
        env = [{"name": n, "value": escape_dollars(v)} for n, v in job.step.settings.env]
        env += home_variable(self.options, job.step)
        return {
            "image": self.options.image_of(job.step.settings),
            "command": list(command.command),
            "args": list(command.args),
            **({"env": env} if env else {}),
        }

    def _written(self, job: Job, outputs: list[str]) -> list[str]:
        """The lines that a script ends with when it has written its outputs."""
        coded_files = [f'"${OUT}{n}"' for n in outputs if Channel("text", f"{job.name}.{n}") not in self.raw]
        return [*reporting(outputs), *coding(coded_files)]


# -------------------------------------------------------------------- interfaces
def _inputs(
    job: Job, wiring: Wiring, types: dict[str, str], grouped: bool, status: str, entered: Iterable[Gate]
) -> Json:
    definitions = {} if job.plain_container else channel_definitions(wiring.keys, types, wiring.lists)
    parameters = definitions.pop("parameters", {})
    if job.plain_container:
        names = [*(i.name for i in job.step.inputs), *map(choice_input, entered)]
        parameters = {name: {"parameterType": "STRING"} for name in names}
    if grouped:
        parameters["step"] = {"parameterType": "STRING"}
    if status:
        parameters[status] = {"parameterType": "TASK_FINAL_STATUS", "isOptional": True}
    definitions.update({"parameters": parameters} if parameters else {})
    return {"inputDefinitions": definitions} if definitions else {}


def choice_input(gate: Gate) -> str:
    """The input of a script that carries the choice of a branch that it enters itself."""
    return f"choice-{gate.condition}"


def channel_definitions(keys: dict[Channel, str], types: dict[str, str], lists: Collection[Channel]) -> Json:
    """The definitions of inputs or outputs by their names. ``lists`` are the channels that collect the values of all iterations."""
    artifacts: Json = {}
    parameters: Json = {}
    for channel, key in keys.items():
        collected = channel in lists
        if channel.kind == "pack":
            artifacts[key] = {"artifactType": ARTIFACT, **({"isArtifactList": True} if collected else {})}
        else:
            parameters[key] = {"parameterType": type_of(channel, types, collected)}
    return {k: v for k, v in (("artifacts", artifacts), ("parameters", parameters)) if v}


def _outputs(job: Job) -> Json:
    parameters = {
        output_of(job, c): {"parameterType": "LIST" if c.kind == "list" else "STRING"}
        for c in job.outputs
        if c.kind != "pack"
    }
    if job.plain_container:
        parameters = {o.name: {"parameterType": "STRING"} for o in job.step.shell_outputs}
    artifacts: Json = {output_of(job, c): {"artifactType": ARTIFACT} for c in job.outputs if c.kind == "pack"}
    artifacts.update(
        {n: {"artifactType": {"schemaTitle": kind, "schemaVersion": "0.0.1"}} for n, kind in _displayed(job)}
    )
    definitions = {k: v for k, v in (("artifacts", artifacts), ("parameters", parameters)) if v}
    return {"outputDefinitions": definitions} if definitions else {}


def _displayed(job: Job) -> list[tuple[str, str]]:
    """The artifacts of all steps of a pod that the pages show."""
    steps = enumerate(steps_of_pod(job), 1)
    return [(numbered(name, n), kind) for n, s in steps for name, kind in shown_artifacts(s.step)]


def output_of(job: Job, channel: Channel) -> str:
    """The name of the output that carries a channel. The first list is named ``Output``, as a single output is in the SDK."""
    if channel.kind == "pack":
        return numbered("pack", [s.name for s in steps_of_pod(job)].index(channel.name) + 1)
    if channel.kind == "text" and job.plain_container:
        return channel.name.partition(".")[2]
    lists = [c for c in job.outputs if c.kind == "list"]
    return "Output" if channel in lists[:1] else f"{channel.kind}-{channel.name}"


def type_of(channel: Channel, types: dict[str, str], collected: bool = False) -> str:
    """The type of a parameter that carries a channel. The items of loops travel as JSON texts, whatever their type."""
    if collected or channel.kind == "list":
        return "LIST"
    if channel.kind == "parameter":
        return TYPES[types[channel.name]]
    return "STRUCT" if channel.kind == "status" else "STRING"
