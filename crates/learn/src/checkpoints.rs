//! Going on inside a fit that was cut off.
//!
//! Between two steps (rounds, trees) a fit can put all that it is down as bytes, and another process
//! can take it up from there: the result is, byte for byte, that of a fit which nobody cut off. When
//! to do so and where the bytes go is not decided here: a fit reads no clock and no file.
//!
//! Boosting and forests know how. Linear models are solved in seconds and begin anew.

/// Where a fit puts its state now and then, and where it finds that of a fit that was cut off.
pub trait Checkpoints: Sync {
    /// The state that a fit of the very same input (data, rows, features, metric, configuration,
    /// seed, last truncation) kept last; asked once.
    ///
    /// Who answers vouches for the input. The fit checks the state as far as it can, and leaves a
    /// damaged one aside.
    fn earlier(&self) -> Option<Vec<u8>>;

    /// Told what became of the earlier state: after how many steps the fit goes on and what they are
    /// called (`rounds`, `trees`), or `None` if the state is of no use and the fit begins anew.
    fn taken_up(&self, after: Option<(usize, &'static str)>);

    /// Whether the state is to be kept now, were it about so many bytes; asked once a step, so an
    /// answer must cost well under a microsecond. Asked once more when the fit has `ended` by itself.
    fn is_due(&self, n_bytes: usize, ended: bool) -> bool;

    /// Keeps a state, in place of the one before.
    fn keep(&self, state: Vec<u8>);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoCheckpoints;

impl Checkpoints for NoCheckpoints {
    fn earlier(&self) -> Option<Vec<u8>> {
        None
    }

    fn taken_up(&self, _after: Option<(usize, &'static str)>) {}

    fn is_due(&self, _n_bytes: usize, _ended: bool) -> bool {
        false
    }

    fn keep(&self, _state: Vec<u8>) {}
}

/// A state in the making: numbers one after the other, little-endian.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Begins a state of this kind, which [`Reader::new`] wants to see again.
    pub fn new(kind: u64, n_bytes: usize) -> Writer {
        let mut writer = Writer(Vec::with_capacity(n_bytes + 64));
        writer.u64(kind);
        writer
    }

    pub fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    pub fn u32(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    pub fn u64(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    /// The number to the last bit.
    pub fn f32(&mut self, number: f32) {
        self.u32(number.to_bits());
    }

    /// The number to the last bit.
    pub fn f64(&mut self, number: f64) {
        self.u64(number.to_bits());
    }

    /// How many things follow.
    pub fn count(&mut self, n: usize) {
        self.u64(n as u64);
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a state apart; `None` where it is shorter than it should be, or not of the kind.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads a state of this kind.
    pub fn new(kind: u64, state: &'a [u8]) -> Option<Reader<'a>> {
        let mut reader = Reader(state);
        (reader.u64()? == kind).then_some(reader)
    }

    pub fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    pub fn f32(&mut self) -> Option<f32> {
        self.u32().map(f32::from_bits)
    }

    pub fn f64(&mut self) -> Option<f64> {
        self.u64().map(f64::from_bits)
    }

    /// How many things of at least so many bytes (one at least) follow: believed only as far as there
    /// are bytes for them, so that a false count cannot make anyone ask for memory.
    pub fn count(&mut self, least_bytes: usize) -> Option<usize> {
        let n = usize::try_from(self.u64()?).ok()?;
        (n <= self.0.len() / least_bytes).then_some(n)
    }

    /// `n` things, each read by `item`.
    pub fn list<T>(
        &mut self,
        n: usize,
        item: impl Fn(&mut Reader<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        (0..n).map(|_| item(self)).collect()
    }

    /// That nothing is left over.
    pub fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps the state after every step for which it is told to, and remembers all of them.
    #[derive(Default)]
    pub(crate) struct Kept {
        pub earlier: Option<Vec<u8>>,
        /// Every state kept, and whether the fit had ended.
        pub states: Mutex<Vec<(Vec<u8>, bool)>>,
        /// What became of the earlier state.
        pub taken_up: Mutex<Vec<Option<(usize, &'static str)>>>,
        /// Whether the last question was about an ended fit.
        ended: Mutex<bool>,
    }

    impl Kept {
        pub fn after(earlier: Vec<u8>) -> Kept {
            Kept { earlier: Some(earlier), ..Kept::default() }
        }

        pub fn states(self) -> Vec<(Vec<u8>, bool)> {
            self.states.into_inner().expect("no test panics here")
        }

        pub fn taken_up(&self) -> Vec<Option<(usize, &'static str)>> {
            self.taken_up.lock().expect("no test panics here").clone()
        }
    }

    impl Checkpoints for Kept {
        fn earlier(&self) -> Option<Vec<u8>> {
            self.earlier.clone()
        }

        fn taken_up(&self, after: Option<(usize, &'static str)>) {
            self.taken_up.lock().expect("no test panics here").push(after);
        }

        fn is_due(&self, n_bytes: usize, ended: bool) -> bool {
            assert!(n_bytes < 1 << 30);
            *self.ended.lock().expect("no test panics here") = ended;
            true
        }

        fn keep(&self, state: Vec<u8>) {
            let ended = *self.ended.lock().expect("no test panics here");
            self.states.lock().expect("no test panics here").push((state, ended));
        }
    }

    #[test]
    fn what_is_written_is_read_and_what_is_cut_off_is_not() {
        let mut writer = Writer::new(7, 0);
        writer.u8(1);
        writer.u32(2);
        writer.f32(-0.0);
        writer.f64(f64::NAN);
        writer.count(2);
        writer.u8(8);
        writer.u8(9);
        let state = writer.finish();
        let read = |state: &[u8]| {
            let mut reader = Reader::new(7, state)?;
            let first = (reader.u8()?, reader.u32()?, reader.f32()?.to_bits());
            let nan = reader.f64()?.is_nan();
            let n = reader.count(1)?;
            let list = reader.list(n, Reader::u8)?;
            reader.end()?;
            Some((first, nan, list))
        };
        assert_eq!(read(&state), Some(((1, 2, (-0.0f32).to_bits()), true, vec![8, 9])));
        assert!((0..state.len()).all(|n| read(&state[..n]).is_none()));
        assert_eq!(read(&[&state[..], &[0]].concat()), None);
        assert!(Reader::new(8, &state).is_none());
    }

    #[test]
    fn a_false_count_is_not_believed() {
        let mut writer = Writer::default();
        writer.u64(u64::MAX);
        writer.u64(3);
        let state = writer.finish();
        assert_eq!(Reader(&state).count(1), None);
        assert_eq!(Reader(&state[8..]).count(1), None);
    }
}
