mod evaluates;
mod loose;
mod reads;
