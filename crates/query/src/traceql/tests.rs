mod evaluates;
mod loose;
mod metrics;
mod reads;
mod reference;
