//! What happens, and when: the time of an event on its source's clock.
