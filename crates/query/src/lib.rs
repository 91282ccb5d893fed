//! Questions become plans; what a store left over is done here.
