"""Brain-MRI tissue segmentation: CSF, GM and WM by a Gaussian mixture."""

import lazy_loader

__version__ = "0.1.0"

# The command line needs only the version for its help: everything else is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
