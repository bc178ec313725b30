//! The one loop that touches the world.
