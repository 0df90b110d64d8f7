"""Container templates of a Workflow: all steps that need the same pod share one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from kfnb.engines.argo.coded_expressions import brace_variables, decoded_by_kubelet, literal_for_kubelet
from kfnb.engines.argo.pod_template import pod_of, retries_when_lost
from kfnb.engines.cluster.lowering.jobs_and_blocks import Channel, Job, runtime_spec_of, steps_of_pod
from kfnb.engines.cluster.lowering.kubernetes_names import Names
from kfnb.engines.cluster.lowering.plain_container_commands import Placeholders, container_command
from kfnb.engines.cluster.lowering.pod_security import home_variable
from kfnb.engines.cluster.packaging.code_bundle import arguments, compact_json, compress, runtime_bundle
from kfnb.engines.cluster.submission.cluster_options import PARAMETER_LIMIT, ClusterOptions
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.runtime.pods.argo_pod import INPUTS, PLACE, pack_of, values_of
from kfnb.runtime.pods.handover.engine_inputs import RUN, STARTED
from kfnb.runtime.pods.pod_step import ATTEMPT

FOLDER = "/tmp/kfnb"
MOUNT = "/mnt/kfnb"  #: where the volume for values is mounted
#: Unpacks the runtime and calls it. The first argument of `main` is the step's own code, which comes as an artifact.
BOOT = """\
import sys,zlib,binascii,os,gc
gc.disable()
d="/tmp/kfnb";i="/kfnb/in"
def b(t):return zlib.decompress(binascii.a2b_base64(t))
k=iter(b("".join(sys.argv[1:])).split(b"\\0"))
for n,s in zip(k,k):
    p=d+"/lib/"+n.decode();q=os.path.dirname(p)
    if not os.path.isdir(q):os.makedirs(q,exist_ok=True)
    with open(p,"wb",0) as f:f.write(s)
sys.path.insert(0,d+"/lib");sys.dont_write_bytecode=True
from kfnb.runtime.pods.argo_pod import main
from kfnb.runtime.light_json import loads
from kfnb.runtime.step_exit import leave
with open(i+"/step") as f:t=f.read()
leave(main(loads(b(t).decode()),d,i))
"""
CACHE_AGE = "720h"  #: the age of the oldest result that a step may take
TOO_LARGE = (
    "%(names)s: the values that this step hands on take %(size)s, and Argo passes at most 64 KiB by parameter: "
    "let the target pass them by a volume, an artifact repository or a store "
    '(`values = "volume:CLAIM"`, `values = "s3"`, or the URL of the store)'
)


@dataclass
class ContainerTemplates:
    """The container templates of one manifest."""

    options: ClusterOptions
    names: Names
    runtime_bundle: str
    packs: int  #: the largest number of packs that a step takes as artifacts
    small: (
        int  #: the largest number of small outputs of a step; all steps get as many, so that they can share a template
    )
    templates: list[dict[str, Any]] = field(default_factory=list)
    _template_names: dict[str, str] = field(default_factory=dict)

    def of(self, job: Job) -> str:
        """The name of the template that runs a job."""
        body = self._plain_container(job) if job.plain_container else self._python(job)
        key = json.dumps(body, sort_keys=True)
        if key not in self._template_names:
            self._template_names[key] = self.names.new(
                (job.step.component or job.name) if job.plain_container else "python"
            )
            self.templates.append({"name": self._template_names[key], **body})
        return self._template_names[key]

    # ---------------------------------------------------------------- steps with the runtime
    def _python(self, job: Job) -> dict[str, Any]:
        settings = job.step.settings
        inputs: dict[str, Any] = {
            "parameters": [{"name": "given", "value": "{}"}],
            "artifacts": [
                {"name": "step", "path": f"{INPUTS}/step"},
                {"name": "given", "path": f"{INPUTS}/given.json", "raw": {"data": "{{=inputs.parameters.given}}"}},
            ],
        }
        body: dict[str, Any] = {"inputs": inputs}
        packs = [values_of(n) for n, _ in enumerate(steps_of_pod(job), 1)]
        names = [*packs, *(f"small-{n}" for n in range(1, self.small + 1))]
        outputs = [{"name": n, "valueFrom": {"path": f"{FOLDER}/out/{n}", "default": ""}} for n in names]
        body["outputs"] = {"parameters": outputs}
        if self.cached(job):
            inputs["parameters"].append({"name": "code"})
            key = "{{=sprig.sha256sum(inputs.parameters['code'] + inputs.parameters['given'])}}"
            body["memoize"] = {"key": key, "maxAge": CACHE_AGE, "cache": {"configMap": {"name": "kfnb-cache"}}}
        container: dict[str, Any] = {
            "image": self.options.image_of(settings, steps_of_pod(job)[0].name),
            "command": ["python3", "-u", "-c", BOOT],
            "args": arguments(self.runtime_bundle),
        }
        tells_attempt = (settings.may_fail and settings.retry) or retries_when_lost(job)
        env = [{"name": ATTEMPT, "value": "{{retries}}"}] if tells_attempt else []
        if any(c.kind == "status" for c in job.inputs):
            env += [
                {"name": RUN, "value": "{{workflow.name}}"},
                {"name": STARTED, "value": "{{workflow.creationTimestamp.s}}"},
            ]
        if env:
            container["env"] = env
        self._values(job, inputs, body, container)
        return {**body, **pod_of(job, container, body.get("volumes", []), self.options)}

    def _values(self, job: Job, inputs: dict[str, Any], body: dict[str, Any], container: dict[str, Any]) -> None:
        """Add the volume or the artifacts for values that are too large for parameters. All artifacts of a step have one key prefix."""
        transport = self.options.values
        if transport == "parameters":
            return
        inputs["parameters"].append({"name": "task"})
        place = "{{workflow.uid}}/{{inputs.parameters.task}}/{{pod.name}}"
        container["env"] = [*container.get("env", []), {"name": PLACE, "value": place}]
        if transport.startswith("volume:"):
            container["volumeMounts"] = [{"name": "kfnb-values", "mountPath": MOUNT}]
            body["volumes"] = [
                {"name": "kfnb-values", "persistentVolumeClaim": {"claimName": transport.partition(":")[2]}}
            ]
            return
        if self.options.values_by_url:
            return
        inputs["artifacts"] += [
            {"name": f"pack-{n}", "path": f"{INPUTS}/packs/{n}", "optional": True} for n in range(1, self.packs + 1)
        ]
        packs = [pack_of(n) for n, _ in enumerate(steps_of_pod(job), 1)]
        body["outputs"]["artifacts"] = [
            {
                "name": pack, "path": f"{FOLDER}/out/{pack}", "optional": True, "archive": {"none": {}},
                transport: {"key": f"kfnb/{place}/{pack}"},
            }
            for pack in packs
        ]  # fmt: skip

    def cached(self, job: Job) -> bool:
        return not (job.plain_container or job.in_handler) and self.options.caches(job.step.settings)

    # ---------------------------------------------------------------- steps without
    def _plain_container(self, job: Job) -> dict[str, Any]:
        step = job.step
        placeholders = Placeholders(_input_reference, lambda n: _output_path(job, n), literal_for_kubelet)
        command = container_command(job, placeholders)
        container: dict[str, Any] = {
            "image": self.options.image_of(step.settings),
            "command": list(command.command),
            "args": list(command.args),
        }
        # The variables come first: kubelet inserts only those that stand before.
        env = [*brace_variables(), *({"name": n, "value": literal_for_kubelet(v)} for n, v in step.settings.env)]
        env += home_variable(self.options, step)
        if step.command is not None:
            env += [{"name": i.name, "value": _input_reference(i.name)} for i in step.inputs]
            env += [{"name": o.name, "value": _output_path(job, o.name)} for o in step.shell_outputs]
        container["env"] = env
        body: dict[str, Any] = {}
        if step.inputs:
            body["inputs"] = {"parameters": [{"name": i.name} for i in step.inputs]}
        if step.shell_outputs:
            outputs = [
                {"name": o.name, "valueFrom": {"path": _output_path(job, o.name), "default": ""}}
                for o in step.shell_outputs
            ]
            body["outputs"] = {"parameters": outputs}
        volumes: list[dict[str, Any]] = []
        if step.command is not None and not all(o.path for o in step.shell_outputs):
            # No image has this folder, and a command without a shell cannot make it.
            container["volumeMounts"] = [{"name": "kfnb-out", "mountPath": f"{FOLDER}/out"}]
            volumes.append({"name": "kfnb-out", "emptyDir": {}})
        return {**body, **pod_of(job, container, volumes, self.options)}


def _output_path(job: Job, name: str) -> str:
    fixed = next((o.path for o in job.step.shell_outputs if o.name == name), None)
    return fixed or f"{FOLDER}/out/{name}"


def _input_reference(name: str) -> str:
    return "{{=%s}}" % decoded_by_kubelet(f"inputs.parameters['{name}']")


# -------------------------------------------------------------------- outputs by place
def output_of(job: Job, channel: Channel) -> str:
    """The name of the output that carries a channel."""
    if job.plain_container:
        return channel.name.partition(".")[2]
    return _output_names(steps_of_pod(job))[channel]


def _output_names(steps: tuple[Job, ...]) -> dict[Channel, str]:
    """The outputs of a pod with the runtime. Its steps have their packs in one order, and all small outputs are counted together."""
    small = [c for s in steps for c in s.outputs if c.kind != "pack"]
    packs = {c: values_of(n) for n, s in enumerate(steps, 1) for c in s.outputs if c.kind == "pack"}
    return {**packs, **{c: f"small-{n}" for n, c in enumerate(small, 1)}}


def outputs_of_member(member: Job, steps: tuple[Job, ...], outputs: dict[str, str]) -> dict[str, str]:
    """The outputs of one step of a pod, under the names that they have where the step has a pod of its own."""
    names = _output_names(steps)
    return {own: outputs[names[c]] for c, own in _output_names((member,)).items() if names[c] in outputs}


def transport_of(options: ClusterOptions) -> dict[str, Any]:
    """How the runtime passes values on without a store at a URL; empty where they are parameters."""
    if options.values.startswith("volume:"):
        return {"mount": MOUNT}
    return {"artifacts": True} if options.artifact_kind else {}


def runtime_spec(
    job: Job,
    pod: Job,
    types: dict[str, str],
    integers: dict[str, int],
    renamed: dict[str, str],
    transport: dict[str, Any],
) -> dict[str, Any]:
    """The runtime spec of a job on Argo. Its small outputs have the names that the shared template gives them in its pod."""
    job_spec = runtime_spec_of(job, lambda channel: output_of(pod, channel))
    parameter_types = {c.name: types[c.name] for c in job.inputs if c.kind == "parameter"}
    renamed_inputs = {k: v for k, v in renamed.items() if v in {f"{c.kind}-{c.name}" for c in job.inputs}}
    numbers = {n: integers[n] for n in parameter_types if n in integers}
    if "loops" in job_spec:
        job_spec["loops"] = {n: {**s, "index": True} if "parameter" in s else s for n, s in job_spec["loops"].items()}
    job_spec.update(
        {k: v for k, v in (("types", parameter_types), ("whole", numbers), ("renamed", renamed_inputs)) if v}
    )
    produces_pack = Channel("pack", job.name) in job.outputs
    if transport:
        job_spec["values"] = transport
    elif produces_pack:
        job_spec["limit"] = {"bytes": PARAMETER_LIMIT, "words": TOO_LARGE}
    return job_spec


def pod_spec(
    job: Job, types: dict[str, str], integers: dict[str, int], renamed: dict[str, str], transport: dict[str, Any],
    requirements: StepRequirements,
) -> dict[str, Any]:  # fmt: skip
    """What the runtime reads in a pod: the spec of its step, or those of its steps as ``members``."""

    def spec_of(step: Job, names: Job) -> dict[str, Any]:
        # Every step reads all inputs of the pod, so it must know the types of all of them.
        seen = replace(step, inputs=names.inputs)
        return {**runtime_spec(seen, names, types, integers, renamed, transport), **requirements.of(step.step)}

    if not job.members:
        return spec_of(job, job)
    retries = [m.step.settings.retry or 0 for m in job.members]
    return {
        "members": [
            {**spec_of(m, job), **({"retry": r} if r else {})} for m, r in zip(job.members, retries, strict=True)
        ]
    }


def compress_spec(spec: dict[str, Any]) -> str:
    return compress(compact_json(spec))


def shared_runtime(specs: list[dict[str, Any]]) -> str:
    return runtime_bundle("argo", specs) if specs else ""
