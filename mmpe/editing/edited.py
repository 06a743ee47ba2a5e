"""What an edit gives: images, beside what they were made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from mmpe.evaluation import psnr
from mmpe.visualization import save_picture, save_sheet


@dataclass
class Edited:
    """Edited images.

    Attributes:
        images: (N, 3, H, W), about [-1, 1].
        before: What the sheet shows before them, by caption, (1, 3, h, w) each.
        captions: Of the images; empty: their numbers.
        kept: (1, 3, H, W), what images show outside of the edit mask; None: nothing is kept.
        edit_mask: (1, 1, H, W), 0 where the edit leaves ``kept`` as it is.
        report: What else there is to say of the images.

    >>> edited = Edited(torch.zeros(2, 3, 8, 12), before=dict(picture=torch.ones(1, 3, 8, 12)))
    >>> [file.name for file in edited.save('edited')]
    ['edited_000.png', 'edited_001.png', 'sheet.png']
    """

    images: Tensor
    before: dict[str, Tensor] = field(default_factory=dict)
    captions: list[str] = field(default_factory=list)
    kept: Tensor | None = None
    edit_mask: Tensor | None = None
    report: str = ''

    @property
    def psnr_outside(self) -> float | None:
        """PSNR in dB of the images to ``kept`` where the edit mask is 0, over all images.

        Infinite where they are equal; None if the edit keeps nothing.
        """
        if self.edit_mask is None or not bool((self.edit_mask == 0).any()):
            return None
        outside = (self.edit_mask == 0).expand_as(self.images)
        return psnr(*(x.clamp(-1, 1).expand_as(outside)[outside] for x in (self.images, self.kept)))

    def save(self, folder: str | Path) -> list[Path]:
        """Write ``edited_000.png``, ... and ``sheet.png``: what there was before, and the images.

        Returns:
            The files, the sheet last; their folder is made.
        """
        folder = Path(folder)
        files = [folder / f'edited_{i:03}.png' for i in range(len(self.images))]
        for image, file in zip(self.images, files):
            save_picture(image, file)
        captions = self.captions or [str(i) for i in range(len(self.images))]
        sheet = folder / 'sheet.png'
        save_sheet([*self.before.values(), *torch.split(self.images, 1)], sheet, [*self.before, *captions])
        return [*files, sheet]
