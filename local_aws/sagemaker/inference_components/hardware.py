"""What an instance of each type holds: vCPUs, memory, accelerators.

Amazon EC2 User Guide, "Instance types": within a family memory goes with the vCPUs. What SageMaker
keeps of it for itself is not published, so a copy may use all of it here.
"""

import re
from dataclasses import dataclass

_TYPE = re.compile(r"ml\.(?P<family>[a-z0-9-]+)\.(?P<times>\d*)(?P<size>medium|large|xlarge)")
_GIB = 1024

_GIB_PER_VCPU = {
    **dict.fromkeys(("c4",), 1.875),
    **dict.fromkeys(
        ("c5", "c5d", "c6i", "c6in", "c6g", "c6gd", "c6gn", "c7g", "c7i", "c8g"),
        2.0,
    ),
    **dict.fromkeys(("m4", "m5", "m5d", "m6i", "m6g", "m6gd", "m7i", "m8g"), 4.0),
    **dict.fromkeys(("g4dn", "g5", "g6"), 4.0),
    **dict.fromkeys(("r5", "r5d", "r6i", "r6g", "r6gd", "r7i", "r7gd", "r8g", "g6e"), 8.0),
    **dict.fromkeys(("p3",), 7.625),
    **dict.fromkeys(("p4d", "p4de"), 12.0),
}
_ACCELERATORS = {
    "g4dn": {12: 4},
    "g5": {12: 4, 24: 4, 48: 8},
    "g6": {12: 4, 24: 4, 48: 8},
    "g6e": {12: 4, 24: 4, 48: 8},
    "p3": {2: 1, 8: 4, 16: 8},
    "p4d": {24: 8},
    "p4de": {24: 8},
}
_IRREGULAR = {  # vCPUs, GiB, accelerators
    "ml.t2.medium": (2, 4, 0),
    "ml.t2.large": (2, 8, 0),
    "ml.t2.xlarge": (4, 16, 0),
    "ml.t2.2xlarge": (8, 32, 0),
    "ml.c4.8xlarge": (36, 60, 0),
    "ml.p2.xlarge": (4, 61, 1),
    "ml.p2.8xlarge": (32, 488, 8),
    "ml.p2.16xlarge": (64, 732, 16),
    "ml.p5.4xlarge": (16, 256, 1),
    "ml.p5.48xlarge": (192, 2048, 8),
    "ml.p5e.48xlarge": (192, 2048, 8),
    "ml.p5en.48xlarge": (192, 2048, 8),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Hardware:
    """vCPUs, memory in MB, accelerator devices."""

    cpus: float
    memory_mb: float
    accelerators: float

    def holds(self, other: "Hardware") -> bool:
        """Whether all of the other fits into this."""
        return (
            other.cpus <= self.cpus
            and other.memory_mb <= self.memory_mb
            and other.accelerators <= self.accelerators
        )

    def less(self, other: "Hardware") -> "Hardware":
        """What is left when the other is taken away."""
        return Hardware(
            cpus=self.cpus - other.cpus,
            memory_mb=self.memory_mb - other.memory_mb,
            accelerators=self.accelerators - other.accelerators,
        )

    def __str__(self) -> str:
        return (
            f"{self.cpus:g} CPU cores, {self.memory_mb:g} MB of memory and "
            f"{self.accelerators:g} accelerators"
        )


def hardware(instance_type: str) -> Hardware | None:
    """What one instance of the type holds; None when it is not known here."""
    if instance_type in _IRREGULAR:
        cpus, gib, accelerators = _IRREGULAR[instance_type]
        return Hardware(cpus=cpus, memory_mb=gib * _GIB, accelerators=accelerators)
    match = _TYPE.fullmatch(instance_type)
    if match is None or match["family"] not in _GIB_PER_VCPU:
        return None
    times = int(match["times"] or 1)
    vcpus = {"medium": 1, "large": 2, "xlarge": 4 * times}[match["size"]]
    devices = _ACCELERATORS.get(match["family"])
    return Hardware(
        cpus=vcpus,
        memory_mb=vcpus * _GIB_PER_VCPU[match["family"]] * _GIB,
        accelerators=0 if devices is None else devices.get(times, 1),
    )
