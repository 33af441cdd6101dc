"""One photo and its disparity become one sample: settings drawn, frames rendered, labels written."""
