"""The operators of a convolutional network and their gradients, in NumPy alone.

Arrays are (N, C, H, W): images, channels, height, width; filters are (K, C/G, F_h, F_w). All of an
operator's arrays are float32, or all are float64, and so is its result; views of any strides will
do, and no argument is changed. The letters are the lesson's: F filter size, S stride, P padding,
D dilation, G groups.

To learn convolution from here, read `plain` first (the formula as loops), then `strips` (why it
is a matrix product), `pointwise` and `winograd` (when there is a shorter way), and `convolution`,
which chooses.
"""

from cnnlesson.ops.activation import relu, relu_gradient, softmax_cross_entropy
from cnnlesson.ops.convolution import conv2d, conv2d_gradients
from cnnlesson.ops.dense import dense, dense_gradients
from cnnlesson.ops.padding import pad, pad_gradient
from cnnlesson.ops.plain import conv2d_plain
from cnnlesson.ops.pooling import (
    avg_pool2d,
    avg_pool2d_gradient,
    global_avg_pool,
    global_avg_pool_gradient,
    global_max_pool,
    global_max_pool_gradient,
    max_pool2d,
    max_pool2d_gradient,
)
from cnnlesson.ops.unshared import unshared_conv2d, unshared_conv2d_gradients

__all__ = [
    "avg_pool2d",
    "avg_pool2d_gradient",
    "conv2d",
    "conv2d_gradients",
    "conv2d_plain",
    "dense",
    "dense_gradients",
    "global_avg_pool",
    "global_avg_pool_gradient",
    "global_max_pool",
    "global_max_pool_gradient",
    "max_pool2d",
    "max_pool2d_gradient",
    "pad",
    "pad_gradient",
    "relu",
    "relu_gradient",
    "softmax_cross_entropy",
    "unshared_conv2d",
    "unshared_conv2d_gradients",
]
