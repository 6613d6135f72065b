//! The orders of the keeper to the connections.

/// The order to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Stay out of the queue group, or leave it.
    #[default]
    Wait,
    /// Join the queue group and take requests.
    Take,
    /// Leave the queue group and end.
    Stop,
}
