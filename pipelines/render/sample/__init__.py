"""One photo and its disparity become one sample: settings sampled, frames rendered, labels written."""
