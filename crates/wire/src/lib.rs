//! Every other form of a span, to and from the model.
