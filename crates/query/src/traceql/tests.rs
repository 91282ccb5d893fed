mod evaluates;
mod loose;
mod metrics;
mod reads;
