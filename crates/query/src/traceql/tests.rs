mod evaluates;
mod hostile;
mod loose;
mod metrics;
mod reads;
mod reference;
