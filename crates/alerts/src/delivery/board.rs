//! Waiting for the board.

use tokio::sync::watch;

use super::Board;

/// Nobody posts, or nobody wants to know what was delivered, any more.
pub(super) struct Ended;

pub(super) async fn changed(board: &mut watch::Receiver<Board>) -> Result<(), Ended> {
    board.changed().await.map_err(|_| Ended)
}

/// Waits until there is nothing to tell: who evaluates now is another, and tells it himself.
pub(super) async fn emptied(mut board: watch::Receiver<Board>) -> Result<(), Ended> {
    let emptied = board.wait_for(|board| board.is_empty()).await;
    emptied.map(drop).map_err(|_| Ended)
}
