"""Named streams of random numbers. A new stream does not change existing ones.

The key of a stream is fold_in(key, crc32(name)). It depends only on the key and the name, not on
the other streams or their order. Counters (epoch, step, batch) are folded in after it.
"""

import zlib

import jax

STREAMS = {  # name -> what it draws
    # Of the key of a run.
    "init": "the initial weights",
    "order": "the order of the training images; then the epoch is folded in",
    "noise": "all that is random in a training step; then the step is folded in",
    "evaluation": "all that is random in the metrics after an epoch, which is folded in",
    "validation": "all that is random in the metrics of the validation images, alike every epoch",
    "summary": "all that is random in the metrics of the trained run",
    "linear_denoiser": "the noise that the linear denoiser is fitted to and measured on",
    "shown": "the noise of the few images shown at every epoch",
    "curve": "the noise of points of a known curve, for their metrics",
    "curve_figures": "the noise of points of a known curve, for their figures",
    # Of the key of a step, or of a batch in an evaluation.
    "pixels": "black and white pixels of gray ones",
    "corruption": "the noise of the input",
    "bottleneck": "the noise of the code",
    "clean": "all that is random in the second pass of a denoiser's metrics, on clean images",
}
FAMILIES = {  # beginning of names -> what each of them draws
    "penalty/": "all that is random in the penalty of this name; of the key of a step, or of a "
    "run for the initial weights of its own",
    "layer/": "all that is random in the training of one of stacked autoencoders, 0 the lowest",
    "application/": "all that is random in an application, or what several share; of a study's key",
}


def stream(key: jax.Array, name: str) -> jax.Array:
    """The key of the stream `name` of a typed key: one of STREAMS, or a family's with its member.

    Raises:
      ValueError: no stream of this name is declared.
    """
    family, slash, member = name.partition("/")
    if name not in STREAMS and not (member and family + slash in FAMILIES):
        known = ", ".join([*STREAMS, *(f"{family}..." for family in FAMILIES)])
        raise ValueError(f"no stream of random numbers is called '{name}'; there are {known}")
    return jax.random.fold_in(key, zlib.crc32(name.encode()))
