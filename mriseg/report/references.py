"""The references that the methods paragraph cites, as text and as BibTeX."""

from __future__ import annotations

from typing import NamedTuple


class Reference(NamedTuple):
    """A publication.

    Parameters
    ----------
    authors : str
        Surnames and initials, with commas between.
    year : int
    title : str
    source : str
        Journal or proceedings, abbreviated.
    volume, pages : str
    is_article : bool
        In a journal; otherwise in proceedings.
    """

    authors: str
    year: int
    title: str
    source: str
    volume: str
    pages: str
    is_article: bool = True

    @property
    def text(self) -> str:
        """The reference in one line.

        >>> VAN_LEEMPUT.text[:53], VAN_LEEMPUT.text[-34:]
        ('Van Leemput K, Maes F, Vandermeulen D, Colchester A, ', 'IEEE Trans Med Imaging 20:677-688.')
        """
        where = f"{self.source} {self.volume}" if self.is_article else f"{self.source}, {self.volume}"
        return f"{self.authors} ({self.year}). {self.title}. {where}:{self.pages}."

    @property
    def key(self) -> str:
        """The key in BibTeX: first author and year.

        >>> VAN_LEEMPUT.key
        'VanLeemput2001'
        """
        surname = self.authors.partition(",")[0].rpartition(" ")[0]
        return f"{surname.replace(' ', '')}{self.year}"

    @property
    def bibtex(self) -> str:
        """The reference as an entry of BibTeX."""
        fields = {
            "author": " and ".join(_last_name_first(name) for name in self.authors.split(", ")),
            # Braces keep capitals, as of names.
            "title": f"{{{self.title}}}",
            "journal" if self.is_article else "booktitle": self.source,
            "volume" if self.is_article else "series": self.volume,
            "pages": self.pages.replace("-", "--"),
            "year": str(self.year),
        }
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        return f"@{'article' if self.is_article else 'inproceedings'}{{{self.key},\n{lines}\n}}"


def _last_name_first(name: str) -> str:
    """Return a name as BibTeX reads it.

    >>> _last_name_first("Van Leemput K"), _last_name_first("Dempster AP")
    ('Van Leemput, K.', 'Dempster, A. P.')
    """
    surname, _, initials = name.rpartition(" ")
    return f"{surname}, {' '.join(f'{letter}.' for letter in initials)}"


DEMPSTER = Reference(
    "Dempster AP, Laird NM, Rubin DB",
    1977,
    "Maximum likelihood from incomplete data via the EM algorithm",
    "J R Stat Soc B",
    "39",
    "1-38",
)
FRALEY = Reference(
    "Fraley C",
    1998,
    "Algorithms for model-based Gaussian hierarchical clustering",
    "SIAM J Sci Comput",
    "20",
    "270-281",
)
SANTAGO = Reference(
    "Santago P, Gage HD",
    1993,
    "Quantification of MR brain images by mixture density and partial volume modeling",
    "IEEE Trans Med Imaging",
    "12",
    "566-574",
)
ZHANG = Reference(
    "Zhang J",
    1992,
    "The mean field theory in EM procedures for Markov random fields",
    "IEEE Trans Signal Process",
    "40",
    "2570-2583",
)
FONOV = Reference(
    "Fonov V, Evans AC, Botteron K, Almli CR, McKinstry RC, Collins DL",
    2011,
    "Unbiased average age-appropriate atlases for pediatric studies",
    "NeuroImage",
    "54",
    "313-327",
)
ASHBURNER = Reference("Ashburner J, Friston KJ", 2005, "Unified segmentation", "NeuroImage", "26", "839-851")
VAN_LEEMPUT = Reference(
    "Van Leemput K, Maes F, Vandermeulen D, Colchester A, Suetens P",
    2001,
    "Automated segmentation of multiple sclerosis lesions by model outlier detection",
    "IEEE Trans Med Imaging",
    "20",
    "677-688",
)
LARSEN = Reference(
    "Larsen CT, Iglesias JE, Van Leemput K",
    2014,
    "N3 bias field correction explained as a Bayesian modeling method",
    "MICCAI BAMBI workshop",
    "LNCS 8677",
    "1-12",
    is_article=False,
)
COOTES = Reference(
    "Cootes TF, Taylor CJ, Cooper DH, Graham J",
    1995,
    "Active shape models: their training and application",
    "Comput Vis Image Underst",
    "61",
    "38-59",
)
