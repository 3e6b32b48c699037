// The arithmetic of a convolutional layer, as cnnlesson.arithmetic has it; a test holds the two equal.
// The names are those of the lesson's symbols in words; sizes floor when the stride does not fit.

/** The pixels that a dilated filter reaches over: D(F-1) + 1. */
export function dilatedFilterSize(filterSize, dilation = 1) {
  return dilation * (filterSize - 1) + 1;
}

/** What the first position leaves over, W - F + padding at both ends; negative if it does not fit. */
export function spare({ inputSize, filterSize, before = 0, after = 0, dilation = 1 }) {
  return inputSize + before + after - dilatedFilterSize(filterSize, dilation);
}

/** The positions along one axis: floor((W - F + 2P)/S) + 1, or 0 if the filter does not fit. */
export function outputSize(axis) {
  const left = spare(axis);
  return left < 0 ? 0 : Math.floor(left / (axis.stride ?? 1)) + 1;
}

/** The pixels beyond the last position: (W - F + 2P) mod S. */
export function remainder(axis) {
  return spare(axis) % (axis.stride ?? 1);
}

/** Why an axis has no position, and what to change; null if it has one. */
export function misfit(axis, symbol = "W") {
  const { inputSize, filterSize, before = 0, after = 0, dilation = 1 } = axis;
  const short = -spare(axis);
  if (short <= 0) return null;
  const padded = inputSize + before + after;
  const reach = dilatedFilterSize(filterSize, dilation);
  const spread = dilation > 1 ? `, which dilation ${dilation} spreads over ${reach} pixels,` : "";
  return (
    `A filter of size F = ${filterSize}${spread} does not fit into the padded input, ` +
    `${symbol} + padding = ${padded}: take a filter of at most ` +
    `${Math.floor((padded - 1) / dilation) + 1}, or an input of at least ${inputSize + short}.`
  );
}

/** How often each pixel of an axis is read, from -before to inputSize + after - 1. */
export function uses(axis) {
  const { inputSize, filterSize, before = 0, after = 0, stride = 1, dilation = 1 } = axis;
  const counts = new Array(before + inputSize + after).fill(0);
  const positions = outputSize(axis);
  for (let position = 0; position < positions; position++) {
    for (let weight = 0; weight < filterSize; weight++) {
      counts[position * stride + weight * dilation]++;
    }
  }
  return counts;
}

/** The zeros [before, after] of a framework's "same" padding; null where it has none. */
export function samePadding({ inputSize, filterSize, stride = 1, dilation = 1 }, convention) {
  const reach = dilatedFilterSize(filterSize, dilation);
  if (convention === "pytorch" && stride !== 1) return null;
  const total =
    convention === "pytorch"
      ? reach - 1
      : Math.max((Math.ceil(inputSize / stride) - 1) * stride + reach - inputSize, 0);
  return [Math.floor(total / 2), total - Math.floor(total / 2)];
}

/** Counts of a layer with C input channels and K filters, from the sizes of its output. */
export function counts({ filterHeight, filterWidth, inChannels, outChannels, outHeight, outWidth, inNumbers }) {
  const weights = filterHeight * filterWidth * inChannels;
  const neurons = outHeight * outWidth * outChannels;
  return {
    neurons,
    shared: (weights + 1) * outChannels,
    unshared: (weights + 1) * neurons,
    dense: (inNumbers + 1) * neurons,
    multiplyAdds: weights * neurons,
    memory: 4 * neurons,
  };
}
