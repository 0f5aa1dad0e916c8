from .brain import BrainMask as BrainMask
from .brain import brain_mask as brain_mask
from .errors import CohortError as CohortError
from .errors import ImageError as ImageError
from .errors import MaskError as MaskError
from .errors import MixtureError as MixtureError
from .errors import MrisegError as MrisegError
from .errors import OutputError as OutputError
from .images import Volume as Volume
from .images import load_volume as load_volume
from .outputs import Segmentation as Segmentation
from .pipeline import segment as segment

__version__: str
