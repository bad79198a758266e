"""Which names look like recordings: what folders are searched for. A file named outright may have any ending."""

_SOUND = "wav wave flac ogg oga opus mp3 aif aiff aifc au snd caf w64 rf64 sph amr awb m4a m4b aac wma mka"
_VIDEO = "mp4 m4v mov webm mkv 3gp avi"
AUDIO = frozenset(f".{ending}" for ending in f"{_SOUND} {_VIDEO}".split())
