"""The text of the module, with the places of what is of a run: $facts and so on."""

from string import Template

MODULE = Template(
    '''"""An autoencoder in PyTorch: encode, decode, reconstruct and score.

    from network import $names

    network = Network.from_file()  # the weights beside this file
    z = network.encode($x)
    x_hat = network.decode(z$labels)
    network.score($x$labels)$above

$facts

This is the network as it is evaluated: without noise, and with averages that stay as
they are, which are buffers. What was trained is a parameter and has gradients.
"""

import hashlib
from pathlib import Path
$typing
import torch
from safetensors.torch import load
from torch import Tensor, nn
$functional
WEIGHTS = Path(__file__).with_name("$weights")
SHA256 = "$sha256"$constants$helpers


class Network(nn.Module):
    """Examples [n, $example] to codes [n, $code] and back."""

$buffers    def __init__(self) -> None:
        """All zeros: see `from_file`."""
        super().__init__()
$init

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> "Network":
        """With the weights of a file; without a path with those of the run.

        Raises:
          ValueError: these are not what they were (SHA256).
        """
        content = Path(path or WEIGHTS).read_bytes()
        if path is None and hashlib.sha256(content).hexdigest() != SHA256:
            raise ValueError(f"{WEIGHTS}: is damaged, or of another network")
        network = cls()
        network.load_state_dict(load(content))
        return network

    def encode(self, x: Tensor) -> Tensor:
        """Examples [n, $example] -> codes [n, $code]."""
$encode

    def decode(self, z: Tensor$typed) -> Tensor:
        """Codes [n, $code] -> examples [n, $example]."""
$decode

    def reconstruct(self, x: Tensor$typed) -> Tensor:
        """Examples [n, $example], encoded and decoded."""
        return self.decode(self.encode(x)$labels)

    def score(self, x: Tensor$typed) -> Tensor:
        """The squared error of every example over what was observed of it, [n]."""
$score

    def forward(self, x: Tensor$typed) -> Tensor:
        """`reconstruct`."""
        return self.reconstruct(x$labels)
$scaled

if __name__ == "__main__":
    number = sum(p.numel() for p in Network.from_file().parameters())
    print(f"{__doc__}\\n{number:,} parameters")
'''
)

UNIT = '''
def unit(x: Tensor) -> Tensor:
    """Images in [0,1], of bytes or as they are."""
    return x / 255 if x.dtype == torch.uint8 else x
'''

SCALED = Template(
    '''
    def to_network(self, x: Tensor) -> Tensor:
        """$Kind [n, $outer] in their own units -> examples [n, $example]."""
        x = x.reshape(-1, $example).double()
        return ((x - self.data_shift) / self.data_spread).float()

    def to_data(self, x: Tensor) -> Tensor:
        """Examples [n, $example] -> $kind [n, $outer], float64."""
        x = self.data_shift + self.data_spread * x.double()
        return x.reshape(-1, $outer)
'''
)
