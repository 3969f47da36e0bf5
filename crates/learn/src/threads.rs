//! The threads that one fit may use.

use rayon::prelude::*;

/// One thread: the caller's.
pub static ONE_THREAD: Threads = Threads { pool: None };

/// Threads of a fit, started once and shared by all fits that are given them.
///
/// Results never depend on how many there are: work is cut into pieces by its size alone, and what
/// the pieces give is put together in their order.
#[derive(Debug)]
pub struct Threads {
    pool: Option<rayon::ThreadPool>,
}

impl Threads {
    /// Starts threads; 0 or 1 is the caller's alone. Where the system has no more threads to give,
    /// the caller's is used.
    pub fn new(n_threads: usize) -> Threads {
        let start = || rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().ok();
        Threads { pool: if n_threads > 1 { start() } else { None } }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.pool.as_ref().map_or(1, rayon::ThreadPool::current_num_threads)
    }

    /// Calls `piece` with each of `0..n_pieces`, side by side.
    pub fn for_each(&self, n_pieces: usize, piece: impl Fn(usize) + Sync) {
        match &self.pool {
            Some(pool) if n_pieces > 1 => {
                pool.install(|| (0..n_pieces).into_par_iter().with_max_len(1).for_each(&piece));
            }
            _ => (0..n_pieces).for_each(piece),
        }
    }

    /// What `piece` gives for each of `0..n_pieces`, in their order.
    pub fn map<T: Send>(&self, n_pieces: usize, piece: impl Fn(usize) -> T + Sync) -> Vec<T> {
        match &self.pool {
            Some(pool) if n_pieces > 1 => {
                pool.install(|| (0..n_pieces).into_par_iter().with_max_len(1).map(&piece).collect())
            }
            _ => (0..n_pieces).map(piece).collect(),
        }
    }

    /// Runs `fit` on one of the threads: pieces that it then hands to the others start sooner than
    /// those handed over from outside.
    pub fn run<T: Send>(&self, fit: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(fit),
            None => fit(),
        }
    }

    /// Hands every item to `work` once, side by side; items may be borrowed mutably.
    pub fn for_each_item<T: Send>(&self, items: Vec<T>, work: impl Fn(usize, T) + Sync) {
        let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
        self.for_each_mut(&mut items, |index, item| {
            work(index, item.take().expect("every piece is called once"));
        });
    }

    /// Hands every item to `work` once, side by side.
    pub fn for_each_mut<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        match &self.pool {
            Some(pool) if items.len() > 1 => pool.install(|| halve(0, items, &work)),
            _ => items.iter_mut().enumerate().for_each(|(index, item)| work(index, item)),
        }
    }
}

/// Splits items in two until one is left; `first` is the place of the first.
fn halve<T: Send>(first: usize, items: &mut [T], work: &(impl Fn(usize, &mut T) + Sync)) {
    match items {
        [] => (),
        [item] => work(first, item),
        _ => {
            let middle = items.len() / 2;
            let (left, right) = items.split_at_mut(middle);
            rayon::join(|| halve(first, left, work), || halve(first + middle, right, work));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once_and_in_order() {
        for n_threads in [0, 1, 2, 5] {
            let threads = Threads::new(n_threads);
            assert_eq!(threads.count(), n_threads.max(1));
            assert_eq!(threads.map(100, |i| i * i), (0..100).map(|i| i * i).collect::<Vec<_>>());
            let mut cells = vec![0; 37];
            threads.for_each_item(cells.iter_mut().collect(), |index, cell| *cell += index + 1);
            assert_eq!(cells, (1..=37).collect::<Vec<_>>());
        }
    }
}
