"""Model folders on the Hugging Face Hub: fetch the card, check it, then fetch the files it lists."""

from pathlib import Path

from fakemamba.checkpoint.card import CARD_FILE, read_card
from fakemamba.errors import CheckpointError, MissingExtraError


def fetch(name: str) -> Path:
    """Download `owner/name[@revision]` into the Hub's cache and return the folder there.

    A revision (branch, tag or commit) pins what is fetched; a commit that is in the cache needs no network.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        CheckpointError: the repository cannot be fetched or holds no model folder.
    """
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise MissingExtraError(f"loading {name} from the Hub", "hub") from error
    owner_name, _, revision = name.partition("@")
    try:
        card_path = Path(hf_hub_download(owner_name, CARD_FILE, revision=revision or None))
        # Files of one commit share a snapshot folder; asking by its name pins what follows to the card's commit.
        commit = card_path.parent.name
        for file in read_card(card_path).files:
            hf_hub_download(owner_name, file, revision=commit)
    except (OSError, ValueError) as error:  # the Hub's own errors derive from these
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise CheckpointError(f"{name}: cannot be fetched from the Hub: {reason}") from error
    return card_path.parent
