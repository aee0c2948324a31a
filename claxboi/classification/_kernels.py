# Licensed under a 3-clause BSD style license - see LICENSE.rst
r"""
Exact sums of kernels in one dimension, for all classes at once.

Both classes here answer the same two questions about sorted samples
:math:`x_i` with weights :math:`w_i` and a bandwidth :math:`h_c` per class:
``evaluate`` gives :math:`S_c(g) = \sum_{i \in c} w_i K_{h_c}(g, x_i)` and
``own`` one sample's own term, which a leave-one-out estimate takes away. The
kernel of a sample integrates to 1 between the bounds, where it is reflected.
"""

from itertools import pairwise

import numpy as np

__all__ = ["KERNELS", "ExponentialSums", "GaussianSums"]

#: Length in bandwidths over which exp(t) is summed in one piece: e^200 is far
#: from overflow, and few samples lie in more than one piece.
BLOCK_SPAN = 200.0

#: Each squaring doubles the rounding of an exponential: 20 of them leave 1e-10.
MOST_SQUARINGS = 20


def block_edges(values, bandwidth):
    """
    Cut increasing values into pieces over which exp(value/bandwidth) does not overflow.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (n,)
        Increasing values, not empty.
    bandwidth : float
        The narrowest bandwidth.

    Returns
    -------
    edges : `~numpy.ndarray` of int
        Piece k is ``values[edges[k]:edges[k + 1]]``.
    """
    block = np.floor((values - values[0]) / (BLOCK_SPAN * bandwidth))
    return np.concatenate([[0], np.flatnonzero(np.diff(block)) + 1, [len(values)]])


def decayed_sums(values, amounts, growth, edges, bandwidth):
    r"""
    Sum amounts that decay exponentially with distance, from the left and from the right.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (n,)
        Increasing positions.
    amounts : `~numpy.ndarray` of shape (n,)
        Non-negative amounts.
    growth : `~numpy.ndarray` of shape (n,)
        exp((value - first value of the piece)/bandwidth).
    edges : `~numpy.ndarray` of int
        The pieces, from `block_edges`.
    bandwidth : float
        The decay length h.

    Returns
    -------
    left, right : `~numpy.ndarray` of shape (n,)
        :math:`\sum_{i \le k} a_i e^{-(x_k - x_i)/h}` and
        :math:`\sum_{i \ge k} a_i e^{-(x_i - x_k)/h}`, the amount at k included in both.
    """
    shrink = 1 / growth
    left, right = amounts * growth, amounts * shrink
    pieces = [slice(*edge) for edge in pairwise(edges)]
    for piece in pieces:
        np.cumsum(left[piece], out=left[piece])
        np.cumsum(right[piece][::-1], out=right[piece][::-1])
    left *= shrink
    right *= growth
    # What decays into a piece from its neighbours.
    for before, piece in pairwise(pieces):
        last = before.stop - 1
        gap = np.exp((values[last] - values[piece.start]) / bandwidth)
        left[piece] += left[last] * gap * shrink[piece]
    for piece, after in reversed(list(pairwise(pieces))):
        gap = np.exp((values[piece.start] - values[after.start]) / bandwidth)
        right[piece] += right[after.start] * gap * growth[piece]
    return left, right


def share_bandwidths(bandwidths):
    """
    Round bandwidths so that classes share their exponentials.

    With the base b, twice the widest bandwidth, they become b/2, b/3, b/4, b/6, b/8, b/12, ...:
    within 23 % of what they were.

    Parameters
    ----------
    bandwidths : `~numpy.ndarray` of shape (n_classes,)
        Positive bandwidths.

    Returns
    -------
    shared : `~numpy.ndarray` of shape (n_classes,)
    """
    base = 2 * bandwidths.max()
    octave = np.floor(np.log2(base / bandwidths))
    steps = np.array([1.0, 1.5, 2.0])[:, np.newaxis] * 2.0**octave
    nearest = np.abs(np.log(steps * bandwidths / base)).argmin(axis=0)
    return base / steps[nearest, np.arange(len(bandwidths))]


def _plan(bandwidths):
    """
    Plan how the exponentials of all bandwidths follow from few.

    Returns
    -------
    plan : list of (float, list of (int, list of (int, int)))
        For each base b: chains, each with the power of exp(-d/b) that it starts from, and its
        classes from the widest to the narrowest, each with the number of squarings since the
        one before.
    """
    plan = []
    left = set(range(len(bandwidths)))
    while left:
        base = 2 * max(bandwidths[c] for c in left)
        chains = []
        for power in (2, 3):
            # Exactly what share_bandwidths makes, so that equality is safe.
            chain = {
                c: k
                for c in left
                for k in range(MOST_SQUARINGS + 1)
                if bandwidths[c] == base / (power * 2.0**k)
            }
            members = sorted(chain, key=chain.get)
            done = [0, *(chain[c] for c in members)]
            if members:
                chains.append(
                    (
                        power,
                        [(k - d, c) for c, k, d in zip(members, done[1:], done[:-1], strict=True)],
                    )
                )
            left -= set(members)
        plan.append((base, chains))
    return plan


class ExponentialSums:
    r"""
    Sums of :math:`e^{-|g-x|/h}/(2h)`, in O(n log n) and exact.

    Between two neighbouring samples the sum is :math:`A e^{-(g-u_k)/h} + B e^{-(u_{k+1}-g)/h}`,
    so that two numbers per class and interval are all there is to it. The exponential kernel is
    the Green's function of :math:`1 - h^2 \partial^2`: reflection at the bounds (no flow
    through them) only adds multiples of :math:`e^{-(g-lower)/h}` and :math:`e^{-(upper-g)/h}`,
    which belong to A and B.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (n,)
        Finite samples of all classes, increasing, within the bounds.
    codes : `~numpy.ndarray` of int, shape (n,)
        Class of each.
    weights : `~numpy.ndarray` of shape (n,)
        Weight of each.
    bandwidths : `~numpy.ndarray` of shape (n_classes,)
        Bandwidth per class.
    lower, upper : float or None
        Bounds.
    """

    def __init__(self, values, codes, weights, bandwidths, lower=None, upper=None):
        n_classes, n = len(bandwidths), len(values)
        self.bandwidths, self.lower, self.upper = bandwidths, lower, upper
        edges = values if n else np.zeros(1)
        # Interval k lies between knots k and k + 1; the outermost reach to the bounds.
        self.knots = np.concatenate(
            [
                [edges[0] if lower is None else lower],
                values,
                [edges[-1] if upper is None else upper],
            ]
        )
        self._plan = _plan(bandwidths)
        self._ranks = np.arange(1.0, n + 1)
        self.left = np.zeros((n_classes, n + 1))
        self.right = np.zeros((n_classes, n + 1))
        if n == 0:
            return
        for base, chains in self._plan:
            narrowest = min(bandwidths[c] for _, members in chains for _, c in members)
            pieces = block_edges(values, narrowest)
            starts = np.repeat(values[pieces[:-1]], np.diff(pieces))
            root = np.exp((values - starts) / base)
            for power, members in chains:
                growth = root**power
                for squarings, c in members:
                    for _ in range(squarings):
                        growth *= growth
                    h = bandwidths[c]
                    amounts = np.where(codes == c, weights, 0.0) / (2 * h)
                    left, right = decayed_sums(values, amounts, growth, pieces, h)
                    self._set_class(c, h, left, right)

    def _set_class(self, c, h, left, right):
        lower, upper = self.lower, self.upper
        self.left[c, 1:] = left
        self.right[c, :-1] = right
        at_lower = right[0] * np.exp((self.knots[0] - self.knots[1]) / h)
        at_upper = left[-1] * np.exp((self.knots[-2] - self.knots[-1]) / h)
        down, up = self._reflections(at_lower, at_upper, h)
        if lower is not None:
            self.left[c] += down * np.exp((lower - self.knots[:-1]) / h)
        if upper is not None:
            self.right[c] += up * np.exp((self.knots[1:] - upper) / h)

    def _reflections(self, at_lower, at_upper, h):
        # Amplitudes of exp(-(g - lower)/h) and exp(-(upper - g)/h) that make
        # the derivative vanish at the bounds, given the sum without them there.
        lower, upper = self.lower, self.upper
        if lower is None or upper is None:
            zero = np.zeros_like(at_lower)
            return (zero if lower is None else at_lower), (zero if upper is None else at_upper)
        through = np.exp(-(upper - lower) / h)
        norm = -np.expm1(-2 * (upper - lower) / h)
        return (at_lower + at_upper * through) / norm, (at_upper + at_lower * through) / norm

    @np.errstate(over="ignore")  # an absurd point is as good as an infinite one
    def evaluate(self, points, out):
        """
        Evaluate the sums of all classes.

        Parameters
        ----------
        points : `~numpy.ndarray` of shape (m,)
            May be infinite, not NaN; fastest when they increase. Beyond the bounds the sum decays.
        out : `~numpy.ndarray` of shape (n_classes, m)
            Is overwritten; fastest where it is contiguous.
        """
        interval = self._find(points)
        from_left = np.abs(points - self.knots.take(interval))
        to_right = np.abs(self.knots.take(interval + 1) - points)
        from_right = np.empty(out.shape)
        # One look-up for all classes is faster than one for each.
        np.take(self.left, interval, axis=1, out=out, mode="clip")
        np.take(self.right, interval, axis=1, out=from_right, mode="clip")
        for base, chains in self._plan:
            root_left, root_right = np.exp(from_left * (-1 / base)), np.exp(to_right * (-1 / base))
            for power, members in chains:
                decay_left, decay_right = root_left * root_left, root_right * root_right
                if power == 3:
                    decay_left *= root_left
                    decay_right *= root_right
                for squarings, c in members:
                    for _ in range(squarings):
                        decay_left *= decay_left
                        decay_right *= decay_right
                    out[c] *= decay_left
                    from_right[c] *= decay_right
        out += from_right

    @np.errstate(over="ignore")
    def evaluate_class(self, points, codes):
        """
        Evaluate the sum of one class for each point.

        Parameters
        ----------
        points : `~numpy.ndarray` of shape (m,)
            As for `evaluate`.
        codes : `~numpy.ndarray` of int, shape (m,)
            The classes.

        Returns
        -------
        sums : `~numpy.ndarray` of shape (m,)
        """
        interval = self._find(points)
        rate = -1 / self.bandwidths[codes]
        sums = np.exp(np.abs(points - self.knots.take(interval)) * rate)
        sums *= self.left[codes, interval]
        from_right = np.exp(np.abs(self.knots.take(interval + 1) - points) * rate)
        from_right *= self.right[codes, interval]
        return sums + from_right

    def _find(self, points):
        """Return the interval of each point."""
        if len(self._ranks) == 0:
            return np.zeros(len(points), np.intp)
        # Straight lines through the ranks: np.interp looks first where the last point was, which
        # is faster than a search. A point at a knot may fall on either side, where the sums
        # are the same.
        ranks = np.interp(points, self.knots[1:-1], self._ranks, left=0.0, right=self._ranks[-1])
        return ranks.astype(np.intp)

    def own(self, points, values, codes):
        """
        Evaluate the kernel of one sample per point, of weight 1.

        Parameters
        ----------
        points : `~numpy.ndarray` of shape (m,)
            Where.
        values : `~numpy.ndarray` of shape (m,)
            The samples, within the bounds.
        codes : `~numpy.ndarray` of int, shape (m,)
            Their classes.

        Returns
        -------
        kernel : `~numpy.ndarray` of shape (m,)
        """
        h = self.bandwidths[codes]
        with np.errstate(over="ignore"):
            from_lower, from_upper = (
                0.0 if bound is None else np.abs(points - bound) / h
                for bound in (self.lower, self.upper)
            )
            kernel = np.exp(-np.abs(points - values) / h) / (2 * h)
        far = np.zeros(len(points))
        at_lower = far if self.lower is None else np.exp((self.lower - values) / h) / (2 * h)
        at_upper = far if self.upper is None else np.exp((values - self.upper) / h) / (2 * h)
        down, up = self._reflections(at_lower, at_upper, h)
        if self.lower is not None:
            kernel += down * np.exp(-from_lower)
        if self.upper is not None:
            kernel += up * np.exp(-from_upper)
        return kernel


class GaussianSums:
    r"""
    Sums of Gaussians, to 1e-12 of their peak, in O(n log n).

    In cells of one bandwidth the sum is :math:`\sum_n a_n \delta^n` in the distance
    :math:`\delta` from the cell's centre; the coefficients are sums of Hermite functions over
    the samples in the neighbouring cells (the local expansion of the fast Gauss transform,
    Greengard & Strain 1991, SIAM J. Sci. Stat. Comput. 12, 79). Reflection is by images.

    Parameters are those of `ExponentialSums`.
    """

    #: Terms of the expansion; with |delta| <= 1/2 the rest is below 1e-13.
    TERMS = 20

    #: Cells on each side that count: exp(-8.5^2/2) is 2e-16.
    REACH = 9

    #: Between two bounds a kernel of so many times their distance is uniform, to exp(-9 pi^2/2),
    #: and a wider one is the same.
    WIDEST = 3.0

    def __init__(self, values, codes, weights, bandwidths, lower=None, upper=None):
        self.lower, self.upper = lower, upper
        if lower is not None and upper is not None:
            bandwidths = np.minimum(bandwidths, self.WIDEST * (upper - lower))
        self.bandwidths = bandwidths
        self._cells, self._terms = [], []
        for c, h in enumerate(bandwidths):
            members = codes == c
            cells, terms = self._expand(values[members] / h, weights[members] / h)
            self._cells.append(cells)
            self._terms.append(terms)

    def _expand(self, positions, amounts):
        # Cells are numbered in floats: an outlier may lie beyond all integers.
        home = np.floor(positions)
        offsets = np.arange(-self.REACH, self.REACH + 1.0)
        cells = np.unique(np.unique(home)[:, np.newaxis] + offsets)
        terms = np.zeros((self.TERMS, len(cells)))
        for offset in offsets:
            cell = home + offset
            index = np.searchsorted(cells, cell)
            z = positions - home - (offset + 0.5)
            # h_n = He_n(z) exp(-z^2/2)/n!, by the recurrence of the Hermite polynomials.
            before = np.zeros_like(z)
            current = amounts * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
            # A cell that has no float for a number holds no float either.
            current[cell - home != offset] = 0.0
            for n in range(self.TERMS):
                terms[n] += np.bincount(index, current, minlength=len(cells))
                before, current = current, (z * current - before) / (n + 1)
        return cells, terms

    def evaluate(self, points, out):
        """
        Evaluate the sums of all classes; see `ExponentialSums.evaluate`.
        """
        inside, beyond = self._split(points)
        images = list(self._images(inside))
        for c, h in enumerate(self.bandwidths):
            out[c] = sum(self._sum(c, image) for image in images)
            out[c] *= self._decay(beyond, h)

    def evaluate_class(self, points, codes):
        """
        Evaluate the sum of one class for each point; see `ExponentialSums.evaluate_class`.
        """
        sums = np.empty(len(points))
        for c in np.unique(codes):
            members = codes == c
            inside, beyond = self._split(points[members])
            total = sum(self._sum(c, image) for image in self._images(inside))
            sums[members] = total * self._decay(beyond, self.bandwidths[c])
        return sums

    def _split(self, points):
        """Return the nearest place within the bounds, and the distance from there."""
        inside = np.clip(
            points,
            -np.inf if self.lower is None else self.lower,
            np.inf if self.upper is None else self.upper,
        )
        with np.errstate(invalid="ignore"):  # an infinite point may be within the bounds
            beyond = np.where(inside == points, 0.0, np.abs(points - inside))
        return inside, beyond

    def _images(self, points):
        yield points
        lower, upper = self.lower, self.upper
        if lower is not None:
            yield 2 * lower - points
        if upper is not None:
            yield 2 * upper - points
        if lower is None or upper is None:
            return
        # Images of images: those of number k are (2 k - 1) widths away or more.
        width = upper - lower
        reach = self.REACH * self.bandwidths.max(initial=0.0)
        for k in range(1, int((reach / width + 1) / 2) + 1):
            shift = 2 * k * width
            yield points + shift
            yield points - shift
            yield 2 * lower - points - shift
            yield 2 * upper - points + shift

    @staticmethod
    def _decay(beyond, h):
        with np.errstate(over="ignore"):
            return np.exp(-0.5 * (beyond / h) ** 2)

    def _sum(self, c, points):
        cells, terms = self._cells[c], self._terms[c]
        if not len(cells):
            return np.zeros(len(points))
        with np.errstate(over="ignore"):
            position = points / self.bandwidths[c]
        inside = (position >= cells[0]) & (position < cells[-1] + 1)
        position = np.where(inside, position, cells[0])
        cell = np.floor(position)
        index = np.minimum(np.searchsorted(cells, cell), len(cells) - 1)
        inside &= cells[index] == cell
        delta = position - cell - 0.5
        total = terms[-1].take(index)
        for term in terms[-2::-1]:
            total *= delta
            total += term.take(index)
        return np.where(inside, np.maximum(total, 0.0), 0.0)

    def own(self, points, values, codes):
        """
        Evaluate the kernel of one sample per point; see `ExponentialSums.own`.
        """
        h = self.bandwidths[codes]
        inside, beyond = self._split(points)
        kernel = np.zeros(len(points))
        with np.errstate(over="ignore"):  # an absurd point is as good as an infinite one
            for image in self._images(inside):
                kernel += np.exp(-0.5 * ((image - values) / h) ** 2)
        return kernel * self._decay(beyond, h) / (np.sqrt(2 * np.pi) * h)


#: The kernels by name.
KERNELS = {"exponential": ExponentialSums, "gaussian": GaussianSums}
