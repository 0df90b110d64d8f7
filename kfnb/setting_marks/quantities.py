"""Quantities of Kubernetes as numbers."""

from __future__ import annotations

import re
from decimal import Decimal

UNITS: dict[str, int | Decimal] = {
    "": 1, "m": Decimal("0.001"), "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
}  # fmt: skip


def amount(quantity: str) -> Decimal:
    """The number that a quantity such as ``500m`` or ``4Gi`` stands for; 0 for a text that is none."""
    match = re.fullmatch(r"([\d.]+)(\D*)", quantity)
    return Decimal(match[1]) * UNITS[match[2]] if match is not None else Decimal(0)
