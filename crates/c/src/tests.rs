//! The interface as a C program sees it: values, errors, threads, and no allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};

use eyas_model::measure::synthetic::Synthetic;
use eyas_model::{FlatRows, Predictor, RowSource, Scratch, Value};

use crate::border::{Message, Status, guard};
use crate::model::*;
use crate::predict::*;
use crate::{eyas_check_abi, eyas_version};

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static N_ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // Threads that end allocate after their counter is gone.
    let _ = N_ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and releases of this thread while `work` runs.
fn allocations(work: impl FnOnce()) -> usize {
    let before = N_ALLOCATIONS.get();
    work();
    N_ALLOCATIONS.get() - before
}

/// A model with its scratch object, and room for a message.
struct Loaded {
    model: *mut CModel,
    scratch: *mut CScratch,
    message: Box<[c_char; 300]>,
}

impl Loaded {
    fn new(bytes: &[u8]) -> Loaded {
        let mut loaded =
            Loaded { model: null_mut(), scratch: null_mut(), message: Box::new([0; 300]) };
        let (text, size) = (loaded.message.as_mut_ptr(), 300);
        // SAFETY: all pointers point to what they should.
        unsafe {
            let bytes_at = bytes.as_ptr().cast();
            let status =
                eyas_model_from_bytes(bytes_at, bytes.len(), &mut loaded.model, text, size);
            assert_eq!((status, loaded.text()), (0, String::new()));
            assert_eq!(eyas_scratch_new(loaded.model, &mut loaded.scratch, text, size), 0);
        }
        loaded
    }

    fn of(wanted: Synthetic) -> Loaded {
        Loaded::new(&wanted.model().to_bytes())
    }

    fn text(&self) -> String {
        // SAFETY: the message always ends in NUL.
        unsafe { CStr::from_ptr(self.message.as_ptr()) }.to_string_lossy().into_owned()
    }

    fn row(&mut self, values: &[CValue], out: &mut [f64]) -> i32 {
        let text = self.message.as_mut_ptr();
        let (at, n) = (values.as_ptr(), values.len());
        // SAFETY: all pointers point to what they should.
        unsafe {
            let out_at = out.as_mut_ptr();
            eyas_predict_row(self.model, self.scratch, at, n, out_at, out.len(), text, 300)
        }
    }

    fn rows(&mut self, values: &[CValue], n_rows: usize, out: &mut [f64]) -> i32 {
        let text = self.message.as_mut_ptr();
        let (at, n) = (values.as_ptr(), values.len() / n_rows.max(1));
        // SAFETY: all pointers point to what they should.
        unsafe {
            let out_at = out.as_mut_ptr();
            eyas_predict_rows(self.model, self.scratch, at, n_rows, n, out_at, out.len(), text, 300)
        }
    }

    fn number_row(&mut self, numbers: &[f64], out: &mut [f64]) -> i32 {
        let text = self.message.as_mut_ptr();
        let (at, n) = (numbers.as_ptr(), numbers.len());
        // SAFETY: all pointers point to what they should.
        unsafe {
            let out_at = out.as_mut_ptr();
            eyas_predict_number_row(self.model, self.scratch, at, n, out_at, out.len(), text, 300)
        }
    }

    fn number_rows(&mut self, numbers: &[f64], n_rows: usize, out: &mut [f64]) -> i32 {
        let text = self.message.as_mut_ptr();
        let (at, n) = (numbers.as_ptr(), numbers.len() / n_rows.max(1));
        // SAFETY: all pointers point to what they should.
        unsafe {
            let (out_at, n_out) = (out.as_mut_ptr(), out.len());
            let Loaded { model, scratch, .. } = self;
            eyas_predict_number_rows(*model, *scratch, at, n_rows, n, out_at, n_out, text, 300)
        }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: made by this library, and used no more.
        unsafe {
            eyas_scratch_free(self.scratch);
            eyas_model_free(self.model);
        }
    }
}

fn mixed() -> Synthetic {
    Synthetic { n_trees: 30, n_numeric: 4, n_categorical: 3, n_outputs: 3, ..Synthetic::default() }
}

fn numeric() -> Synthetic {
    Synthetic { n_trees: 30, n_numeric: 5, ..Synthetic::default() }
}

/// All cells of rows, and what the Rust interface predicts for them.
fn plainly(wanted: Synthetic, rows: &dyn RowSource) -> Vec<f64> {
    let predictor = Predictor::compile(wanted.model()).expect("sound");
    let mut out = vec![0.0; rows.n_rows() * predictor.n_outputs()];
    predictor.predict_batch(rows, &mut Scratch::default(), &mut out).expect("sound");
    out
}

fn cells(rows: &dyn RowSource, n_columns: usize) -> Vec<Value<'_>> {
    let row = |row| (0..n_columns).map(move |column| rows.cell(row, column));
    (0..rows.n_rows()).flat_map(row).collect()
}

fn c_values(cells: &[Value]) -> Vec<CValue> {
    cells.iter().map(|cell| CValue::new(*cell)).collect()
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[test]
fn typed_rows_predict_as_in_rust_and_allocate_nothing() {
    let rows = mixed().rows(2000);
    let expected = plainly(mixed(), &rows);
    let values = c_values(&cells(&rows, 7));
    let mut loaded = Loaded::of(mixed());
    let mut out = vec![f64::NAN; expected.len()];
    let n = allocations(|| {
        for (row, out) in values.chunks(7).zip(out.chunks_mut(3)) {
            assert_eq!(loaded.row(row, out), 0);
        }
    });
    assert_eq!((n, bits(&out)), (0, bits(&expected)));
    out.fill(f64::NAN);
    let n = allocations(|| assert_eq!(loaded.rows(&values, 2000, &mut out), 0));
    assert_eq!((n, bits(&out)), (0, bits(&expected)));
}

#[test]
fn numbers_predict_as_in_rust_and_allocate_nothing() {
    let rows = numeric().rows(2000);
    let mut numbers: Vec<f64> = cells(&rows, 5)
        .into_iter()
        .map(|cell| if let Value::Number(number) = cell { number } else { f64::NAN })
        .collect();
    numbers[3] = f64::NAN;
    let cells: Vec<Value> = numbers.iter().map(|&number| Value::Number(number)).collect();
    let expected = plainly(numeric(), &FlatRows::new(&cells, 5));
    let mut loaded = Loaded::of(numeric());
    let mut out = vec![f64::NAN; expected.len()];
    let n = allocations(|| {
        for (row, out) in numbers.chunks(5).zip(out.chunks_mut(1)) {
            assert_eq!(loaded.number_row(row, out), 0);
        }
    });
    assert_eq!((n, bits(&out)), (0, bits(&expected)));
    out.fill(f64::NAN);
    let n = allocations(|| assert_eq!(loaded.number_rows(&numbers, 2000, &mut out), 0));
    assert_eq!((n, bits(&out)), (0, bits(&expected)));
}

#[test]
fn many_threads_predict_with_one_model() {
    let rows = mixed().rows(500);
    let expected = plainly(mixed(), &rows);
    let loaded = Loaded::of(mixed());
    let model = loaded.model as usize;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let values = c_values(&cells(&rows, 7));
                let mut out = vec![0.0; expected.len()];
                let mut scratch = null_mut();
                let model = model as *mut CModel;
                // SAFETY: the model outlives the scope, the rest is this thread's own.
                unsafe {
                    assert_eq!(eyas_scratch_new(model, &mut scratch, null_mut(), 0), 0);
                    for (row, out) in values.chunks(7).zip(out.chunks_mut(3)) {
                        let (at, to) = (row.as_ptr(), out.as_mut_ptr());
                        let status = eyas_predict_row(model, scratch, at, 7, to, 3, null_mut(), 0);
                        assert_eq!(status, 0);
                    }
                    eyas_scratch_free(scratch);
                }
                assert_eq!(bits(&out), bits(&expected));
            });
        }
    });
}

/// Text of a pointer that the interface gave.
fn text(pointer: *const c_char) -> Option<String> {
    // SAFETY: names end in NUL.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

#[test]
fn a_model_says_what_it_expects() {
    let loaded = Loaded::of(mixed());
    let model = loaded.model;
    let mut length = 99;
    // SAFETY: a model, and places to write to.
    unsafe {
        assert_eq!((eyas_model_task(model), eyas_model_n_outputs(model)), (2, 3));
        assert_eq!((eyas_model_n_columns(model), eyas_model_n_classes(model)), (7, 3));
        assert_eq!(text(eyas_model_target(model, null_mut())).as_deref(), Some("y"));
        assert_eq!(text(eyas_model_column_name(model, 6, &mut length)).as_deref(), Some("x6"));
        assert_eq!(length, 2);
        assert_eq!(text(eyas_model_class_name(model, 1, null_mut())).as_deref(), Some("class 1"));
        let kinds = [0, 4, 7].map(|column| eyas_model_column_kind(model, column));
        assert_eq!(kinds, [0, 2, -1]);
        assert_eq!((eyas_model_takes_numbers(model), eyas_model_takes_numbers(null())), (0, 0));
        assert_eq!(text(eyas_model_column_name(model, 7, &mut length)), None);
        assert_eq!((length, text(eyas_model_class_name(null(), 0, null_mut()))), (0, None));
        assert_eq!((eyas_model_task(null()), eyas_model_n_columns(null())), (-1, 0));
        assert_eq!(eyas_model_takes_numbers(Loaded::of(numeric()).model), 1);
    }
    assert_eq!(text(eyas_version()).as_deref(), Some(env!("CARGO_PKG_VERSION")));
    let size = size_of::<CValue>();
    assert_eq!([(1, size), (2, size), (1, size + 8)].map(|(v, s)| eyas_check_abi(v, s)), [0, 7, 7]);
}

#[test]
fn wrong_rows_are_refused_with_a_reason() {
    let mut loaded = Loaded::of(mixed());
    let mut refuse = |row: &[CValue], n_out: usize, status: Status, word: &str| {
        let mut out = [0.0; 4];
        assert_eq!(loaded.row(row, &mut out[..n_out]), status as i32, "{word}");
        assert!(loaded.text().contains(word), "`{word}` is missing in {}", loaded.text());
        // Nothing of the failed row is left: a sound one predicts.
        let missing = [CValue::new(Value::Missing); 7];
        assert_eq!(loaded.row(&missing, &mut out[..3]), 0);
    };
    let row = |at: usize, value: CValue| {
        let mut row = [CValue::new(Value::Missing); 7];
        row[at] = value;
        row
    };
    let sound = row(0, CValue::new(Value::Number(1.0)));
    refuse(&sound[..6], 3, Status::BadArgument, "a row has 6 values, expected 7");
    refuse(&sound, 4, Status::BadArgument, "room for 4 outputs");
    let text = CValue::new(Value::Text("1,5"));
    refuse(&row(1, text), 3, Status::BadRow, "column `x1`: `1,5` is not a number");
    let text = CValue { kind: 3, ..text };
    refuse(&row(2, text), 3, Status::BadArgument, "column `x2`: a value has kind 3");
    let latin = CValue { kind: 2, number: 0.0, text: b"\xe9".as_ptr().cast(), length: 1 };
    refuse(&row(5, latin), 3, Status::BadRow, "column `x5`: the text is not UTF-8");
    let nowhere = CValue { text: null(), ..latin };
    refuse(&row(5, nowhere), 3, Status::BadArgument, "column `x5`: `text` is a null pointer");
    let empty = CValue { text: null(), length: 0, ..latin };
    assert_eq!(loaded.row(&row(5, empty), &mut [0.0; 3]), 0);
    let mut two = [row(0, sound[0]), row(1, CValue::new(Value::Text("x")))].concat();
    assert_eq!(loaded.rows(&two, 2, &mut [0.0; 6]), Status::BadRow as i32);
    assert!(loaded.text().contains("row 1"), "{}", loaded.text());
    two[12] = latin;
    assert_eq!(loaded.rows(&two, 2, &mut [0.0; 6]), Status::BadRow as i32);
    assert!(loaded.text().starts_with("row 1: column `x5`"), "{}", loaded.text());
    assert_eq!(loaded.number_row(&[0.0; 7], &mut [0.0; 3]), Status::BadArgument as i32);
    assert!(loaded.text().contains("column `x4` does not hold numbers"), "{}", loaded.text());
}

#[test]
fn null_pointers_and_lengths_that_cannot_be_are_refused() {
    let loaded = Loaded::of(numeric());
    let (model, scratch) = (loaded.model, loaded.scratch);
    let (numbers, mut out) = ([0.0; 5], [0.0; 1]);
    let (at, to) = (numbers.as_ptr(), out.as_mut_ptr());
    let one = |model, scratch, at, to| {
        // SAFETY: pointers are null or point to what they should.
        unsafe { eyas_predict_number_row(model, scratch, at, 5, to, 1, null_mut(), 0) }
    };
    let refused = Status::BadArgument as i32;
    assert_eq!(one(model, scratch, at, to), 0);
    assert_eq!(one(null(), scratch, at, to), refused);
    assert_eq!(one(model, null_mut(), at, to), refused);
    assert_eq!(one(model, scratch, null(), to), refused);
    assert_eq!(one(model, scratch, at, null_mut()), refused);
    assert_eq!(one(model, scratch, at.cast::<u8>().wrapping_add(1).cast(), to), refused);
    let many = |n_rows, n_out| {
        let (text, size) = (null_mut(), 0);
        // SAFETY: the lengths are refused before anything is read.
        unsafe { eyas_predict_number_rows(model, scratch, at, n_rows, 5, to, n_out, text, size) }
    };
    assert_eq!(many(0, 0), 0);
    assert_eq!(
        [many(2, 1), many(usize::MAX, usize::MAX), many(usize::MAX / 8, usize::MAX / 8)],
        [refused, refused, refused]
    );
    // SAFETY: null pointers are refused.
    unsafe {
        assert_eq!(eyas_model_load(null(), null_mut(), null_mut(), 0), refused);
        assert_eq!(eyas_model_from_bytes(null(), 3, &mut null_mut(), null_mut(), 9), refused);
        assert_eq!(eyas_scratch_new(null(), &mut null_mut(), null_mut(), 0), refused);
        eyas_model_free(null_mut());
        eyas_scratch_free(null_mut());
    }
}

#[test]
fn files_that_are_none_give_no_model() {
    let mut message = [0; 200];
    let mut model = std::ptr::dangling_mut();
    let path = CString::new("/no/such/file.eyas").expect("no NUL");
    // SAFETY: all pointers point to what they should.
    unsafe {
        let status = eyas_model_load(path.as_ptr(), &mut model, message.as_mut_ptr(), 200);
        assert_eq!((status, model), (Status::Io as i32, null_mut()));
        assert!(text(message.as_ptr()).expect("a text").contains("no/such/file"));
        let (at, to) = (b"PAR1".as_ptr().cast(), message.as_mut_ptr());
        assert_eq!(eyas_model_from_bytes(at, 4, &mut model, to, 200), Status::BadFile as i32);
        assert!(text(message.as_ptr()).expect("a text").contains("no Eyas model file"));
    }
}

#[test]
fn panics_stop_at_the_border_and_messages_are_cut_between_characters() {
    let mut buffer = [0x7f; 12];
    // SAFETY: the buffer has as many bytes.
    let message = unsafe { Message::new(buffer.as_mut_ptr(), 12) };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let status = guard(message, || panic!("boom"));
    std::panic::set_hook(hook);
    assert_eq!(
        (status, text(buffer.as_ptr())),
        (Status::Internal as i32, Some("a defect of".into()))
    );
    let failure = || Err(crate::border::Failure::argument("ééééé".into()));
    // SAFETY: the buffer has as many bytes.
    assert_eq!(guard(unsafe { Message::new(buffer.as_mut_ptr(), 6) }, failure), 1);
    assert_eq!((text(buffer.as_ptr()), buffer[6]), (Some("éé".into()), b'c' as c_char));
}

#[test]
fn the_header_declares_what_the_library_exports() {
    let words = |text: &'static str, before: &str, after: char| {
        let found = text.match_indices(before).filter_map(move |(at, found)| {
            let rest = &text[at + found.len()..];
            Some(&rest[..rest.find(after)?])
        });
        let mut names: Vec<&str> = found
            .filter_map(|part| part.split([' ', '*']).next_back())
            .filter(|name| name.starts_with("eyas_"))
            .collect();
        names.sort_unstable();
        names
    };
    let sources =
        concat!(include_str!("lib.rs"), include_str!("model.rs"), include_str!("predict.rs"));
    let declared = words(include_str!("../include/eyas.h"), "\nEYAS_API ", '(');
    assert_eq!(declared, words(sources, "extern \"C\" fn ", '('));
    assert_eq!(declared.len(), 20);
}
