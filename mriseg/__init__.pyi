from .errors import CohortError as CohortError
from .errors import ImageError as ImageError
from .errors import MaskError as MaskError
from .errors import MixtureError as MixtureError
from .errors import MrisegError as MrisegError
from .errors import OptionError as OptionError
from .errors import OutputError as OutputError
from .errors import PriorError as PriorError
from .evaluation.compare import compare as compare
from .evaluation.metrics import Agreement as Agreement
from .evaluation.metrics import evaluate as evaluate
from .images.reading import load_volume as load_volume
from .images.volume import Volume as Volume
from .pipeline import segment as segment
from .qc import QCWarning as QCWarning
from .quality.image_quality import ImageQuality as ImageQuality
from .results.brain_mask import BrainMask as BrainMask
from .results.brain_mask import brain_mask as brain_mask
from .results.editing import LabelEdit as LabelEdit
from .results.editing import update as update
from .results.segmentation import Segmentation as Segmentation
from .results.volumes import TissueVolume as TissueVolume

__version__: str
