"""HEIC and other HEIF pictures, as phones take them: Pillow's decoder for them, from pi-heif, held to one thread.

The main picture only: thumbnails, depth maps, gain maps and the further pictures of a burst are not even looked at.
libheif turns and mirrors as the container says, scales 10 and 12 bits to 8, and puts tiles together.
"""

from __future__ import annotations

import ctypes

import pi_heif

from facewarden.sandbox.decode import linking

NAME = "HEIF"
"""Pillow's name of the format."""
BRANDS = (b"heic", b"heix", b"heim", b"heis")
"""Major brands of files with a main picture coded in HEVC (ISO/IEC 23008-12, B.4)."""
SEQUENCES = (b"hevc", b"hevx", b"hevm", b"hevs")
"""Major brands of films in the same container, which may have a main picture too."""
SHARED_BRANDS = (b"mif1", b"msf1")
"""They leave open how the picture is coded: HEVC, AV1 or something else."""


def register() -> None:
    """Make Pillow know the format. Raises ImportError where the decoder cannot be held to the caller's thread."""
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=0)
    _start_no_thread()


def _start_no_thread() -> None:
    """Keep libheif from asking libde265 for a thread, which it does for each picture and a locked worker cannot have.

    Without one libde265 decodes in the thread that calls it. Instead of the function that starts threads the one that
    counts users is called, which ignores arguments and returns the same number for success.
    """
    file = linking.file_of(b"libde265")
    if not file:
        raise ImportError("libheif came without libde265")
    counting = ctypes.cast(ctypes.CDLL(file).de265_init, ctypes.c_void_p).value
    if not counting or not linking.redirect(b"libde265", b"de265_start_worker_threads", counting):
        raise ImportError("libheif does not call libde265 as expected")
