"""What a file is by its first bytes; its name and extension are never asked."""

from dataclasses import dataclass
from typing import Literal

# libsndfile reads it | only FFmpeg does | certainly no audio | unknown: let the decoders try
Family = Literal["sound", "media", "other", "unknown"]

HEAD = 4096  # bytes that `sniff` wants to see


@dataclass(frozen=True)
class Kind:
    """A guess: `name` for people, `family` for the choice of decoder."""

    name: str
    family: Family


UNKNOWN = Kind("no format that is known here", "unknown")

# (offset, bytes, name, family); the first match wins, so the longer signatures of a kind come first.
_MAGIC: tuple[tuple[int, bytes, str, Family], ...] = (
    (8, b"WEBP", "a WebP image", "other"),
    (8, b"AVI ", "AVI video", "media"),
    (0, b"RIFF", "WAV", "sound"),
    (0, b"RIFX", "big-endian WAV (RIFX)", "sound"),
    (0, b"RF64", "RF64 WAV", "sound"),
    (0, b"riff\x2e\x91\xcf\x11", "Sony Wave64", "sound"),
    (0, b"FORM", "AIFF", "sound"),
    (0, b"fLaC", "FLAC", "sound"),
    (0, b"OggS", "Ogg", "sound"),
    (0, b".snd", "AU", "sound"),
    (0, b"dns.", "AU", "sound"),
    (0, b"caff", "CAF", "sound"),
    (0, b"NIST_1A", "NIST SPHERE", "sound"),
    (0, b"PVF1", "PVF", "sound"),
    (0, b"Creative Voice File", "VOC", "sound"),
    (0, b"ID3", "MP3", "sound"),
    (4, b"ftypavif", "an AVIF image", "other"),
    (4, b"ftypheic", "a HEIC image", "other"),
    (4, b"ftypM4A", "M4A", "media"),
    (4, b"ftypqt", "QuickTime video", "media"),
    (4, b"ftyp3g", "3GP", "media"),
    (4, b"ftyp", "MP4", "media"),
    (4, b"moov", "QuickTime video", "media"),
    (4, b"mdat", "QuickTime video", "media"),
    (4, b"wide", "QuickTime video", "media"),
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska", "media"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA or WMV", "media"),
    (0, b"#!AMR", "AMR", "media"),
    (0, b"FLV\x01", "Flash video", "media"),
    (0, b"\x00\x00\x01\xba", "MPEG video", "media"),
    (0, b".RMF", "RealMedia", "media"),
    (0, b"wvpk", "WavPack", "media"),
    (0, b"MAC ", "Monkey's Audio", "media"),
    (0, b"TTA1", "True Audio", "media"),
    (0, b"tBaK", "TAK", "media"),
    (0, b"DSD ", "DSF", "media"),
    (0, b"\x0b\x77", "AC-3", "media"),
    (0, b"%PDF", "PDF", "other"),
    (0, b"PK\x03\x04", "ZIP or an office document", "other"),
    (0, b"PK\x05\x06", "an empty ZIP", "other"),
    (0, b"\x1f\x8b", "gzip; unpack it first", "other"),
    (0, b"BZh", "bzip2; unpack it first", "other"),
    (0, b"\xfd7zXZ", "xz; unpack it first", "other"),
    (0, b"7z\xbc\xaf", "7-Zip; unpack it first", "other"),
    (0, b"Rar!", "RAR; unpack it first", "other"),
    (257, b"ustar", "a tar archive; unpack it first", "other"),
    (0, b"\x89PNG", "a PNG image", "other"),
    (0, b"\xff\xd8\xff", "a JPEG image", "other"),
    (0, b"GIF8", "a GIF image", "other"),
    (0, b"II*\x00", "a TIFF image", "other"),
    (0, b"MM\x00*", "a TIFF image", "other"),
    (0, b"\x7fELF", "a program", "other"),
    (0, b"MZ", "a Windows program", "other"),
    (0, b"\xd0\xcf\x11\xe0", "an old office document", "other"),
    (0, b"SQLite format 3", "an SQLite database", "other"),
    (0, b"\x89HDF", "HDF5", "other"),
    (0, b"\x93NUMPY", "a NumPy array; load it and pass (array, sample_rate)", "other"),
    (0, b"MThd", "MIDI, which holds notes, not sound", "other"),
)


def sniff(head: bytes) -> Kind:
    """Guess from the first bytes; HEAD of them are enough.

    Returns:
        The kind; `UNKNOWN` where only trying a decoder can tell.
    """
    for offset, magic, name, family in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return Kind(name, family)
    if _is_text(head, "utf-8") or (head[:2] in (b"\xff\xfe", b"\xfe\xff") and _is_text(head, "utf-16")):
        return Kind("text", "other")
    if head[:1] == b"\x47" and head[188:189] == b"\x47":
        return Kind("MPEG transport stream", "media")
    if not head.strip(b"\0"):
        return Kind("nothing but zero bytes", "other")
    return _mpeg(head) or UNKNOWN


def _mpeg(head: bytes) -> Kind | None:
    """Sync word 0xFFE; version 01 and bit rate 15 are invalid; layer 00 marks the ADTS frames of AAC."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return Kind("AAC", "media")
    valid = head[1] & 0x18 != 0x08 and head[1] & 0x06 and head[2] >> 4 != 15 and head[2] & 0x0C != 0x0C
    return Kind("MP3", "sound") if valid else None


def _is_text(head: bytes, encoding: str) -> bool:
    """No control characters; a character cut at the end of `head` is forgiven."""
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode(encoding)
    return all(char >= " " or char in "\t\n\r\f\x1b" for char in text)
