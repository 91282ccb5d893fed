mod evaluates;
mod reads;
