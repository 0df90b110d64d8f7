"""What steps hand to each other between pods: packs of values, texts, and the references to them. Begin with ``handover_pack.py``."""
