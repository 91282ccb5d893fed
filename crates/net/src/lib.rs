//! Listeners, TLS, limits, compression and clients.
