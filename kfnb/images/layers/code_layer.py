"""The last layer of an image: the modules that its steps import and no index has, such as those beside the notebook."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from kfnb.images.layers.layer_archive import LayerDigests, plain_file, write_layer
from kfnb.images.layers.wheel_cache import WheelCache
from kfnb.runtime.pods.image_code import FOLDER

#: The folder of the modules in an image. It is not on the path of Python: each step takes its own modules from there into its working folder,
#: so that it finds them where it would find them without an image, and none that it does not import.
CODE = FOLDER.lstrip("/")
FORMAT = "1"  #: is part of each key, and changes when kfnb writes other archives of the same modules


def code_for(steps: Sequence[str], code: Mapping[str, Mapping[str, bytes]]) -> dict[str, bytes]:
    """The modules of the steps that share an image, by path. Steps of one notebook find the same file under one path."""
    found = {path: content for step in steps for path, content in code.get(step, {}).items()}
    return dict(sorted(found.items()))


def code_key(code: Mapping[str, bytes]) -> str:
    """A name of the layer that its content gives."""
    content = "\n".join([FORMAT, *(f"{hashlib.sha256(c).hexdigest()} {path}" for path, c in code.items())])
    return f"code-{hashlib.sha256(content.encode()).hexdigest()}"


def make_code_layer(code: Mapping[str, bytes], cache: WheelCache) -> LayerDigests:
    """Make the layer, unless it is kept."""
    key = code_key(code)
    files = [plain_file(f"{CODE}/{path}", content) for path, content in code.items()]
    return cache.layer(key) or cache.keep_layer(key, lambda out: write_layer(files, out))
