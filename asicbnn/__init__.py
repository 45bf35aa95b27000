"""Which binary-neural-network accelerator to build, what it costs, and whether it really does that.

The verbs of the command line are functions here: `check`, `load`, `estimate`, `simulate`,
`verify`, `validate`, `compare`, `sweep`, `report`. They are imported when first used, so that
`import asicbnn` is quick.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asicbnn.check import check
    from asicbnn.compare import compare
    from asicbnn.model.estimate import estimate
    from asicbnn.report import report
    from asicbnn.simulate import simulate
    from asicbnn.spec import load
    from asicbnn.sweep import sweep
    from asicbnn.validate import validate
    from asicbnn.verify import verify

__version__ = "0.1.0"
__all__ = [
    "__version__", "check", "compare", "estimate", "load", "report", "simulate", "sweep",
    "validate", "verify",
]  # fmt: skip

_HOMES = {
    "check": "asicbnn.check",
    "compare": "asicbnn.compare",
    "estimate": "asicbnn.model.estimate",
    "load": "asicbnn.spec",
    "report": "asicbnn.report",
    "simulate": "asicbnn.simulate",
    "sweep": "asicbnn.sweep",
    "validate": "asicbnn.validate",
    "verify": "asicbnn.verify",
}


class _Package(ModuleType):
    """A package whose verbs stay functions where a module of the same name lies beside them.

    Python binds `asicbnn.verify` to the module once anybody imports it; the name the user calls
    is the function inside. `from asicbnn.verify import ...` is not touched by this.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'asicbnn' has no attribute {name!r}")
        verb = getattr(import_module(_HOMES[name]), name)
        self.__dict__[name] = verb
        return verb

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name, value)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
