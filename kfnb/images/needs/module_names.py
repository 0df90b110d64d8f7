"""Modules whose package has another name, for modules that the notebook's environment does not have."""

from __future__ import annotations

from kfnb.requirement_checks import requirement_name

PACKAGES = {
    "attr": "attrs", "bs4": "beautifulsoup4", "Crypto": "pycryptodome", "cv2": "opencv-python", "dateutil": "python-dateutil", "docx": "python-docx",
    "dotenv": "python-dotenv", "faiss": "faiss-cpu", "fitz": "pymupdf", "git": "gitpython", "jose": "python-jose", "jwt": "pyjwt", "kafka": "kafka-python",
    "magic": "python-magic", "MySQLdb": "mysqlclient", "OpenSSL": "pyopenssl", "PIL": "pillow", "pptx": "python-pptx", "psycopg2": "psycopg2-binary",
    "serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn", "slugify": "python-slugify", "umap": "umap-learn", "usb": "pyusb",
    "yaml": "pyyaml", "zmq": "pyzmq",
}  # fmt: skip


def package_of_module(module: str) -> str:
    """The name of the package that most likely has a top-level module."""
    return PACKAGES.get(module, requirement_name(module))
