//! Models: loading, freeing, and what they expect and give.

use std::ffi::{CStr, c_char, c_void};
use std::path::Path;

use eyas_model::{ColumnKind, Predictor, TaskKind};

use crate::border::{Failure, Message, answer, borrow, borrow_mut, guard, slice};

/// A loaded model: what the header calls `eyas_model`.
pub struct CModel {
    pub(crate) predictor: Predictor,
    /// The first column that does not hold numbers.
    pub(crate) first_other: Option<usize>,
    target: Name,
    columns: Vec<Name>,
    classes: Vec<Name>,
}

/// Text that ends in NUL.
struct Name(String);

impl Name {
    fn new(text: &str) -> Name {
        Name(format!("{text}\0"))
    }
}

/// Threads share models.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<CModel>()
};

impl CModel {
    fn new(predictor: Predictor) -> CModel {
        let schema = predictor.schema();
        let is_other = |kind| kind != ColumnKind::Number;
        CModel {
            first_other: schema.columns.iter().position(|column| is_other(column.kind)),
            target: Name::new(&schema.target),
            columns: schema.columns.iter().map(|column| Name::new(&column.name)).collect(),
            classes: schema.classes.iter().map(|class| Name::new(class)).collect(),
            predictor,
        }
    }
}

/// Hands a new object to the caller.
///
/// # Safety
/// `place` is null or may be written.
pub(crate) unsafe fn give<T>(
    place: *mut *mut T,
    name: &str,
    make: impl FnOnce() -> Result<T, Failure>,
) -> Result<(), Failure> {
    // SAFETY: by the caller's promise.
    let place = unsafe { borrow_mut(place, name) }?;
    *place = std::ptr::null_mut();
    *place = Box::into_raw(Box::new(make()?));
    Ok(())
}

/// Frees an object that [`give`] made.
///
/// # Safety
/// `object` is null or comes from [`give`] and is used by nobody any more.
pub(crate) unsafe fn free<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: it was made by `Box::into_raw` and is not used any more, by the caller's promise.
        answer((), || drop(unsafe { Box::from_raw(object) }));
    }
}

/// Loads a model file.
///
/// # Safety
/// Pointers are null or point to what the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_load(
    path: *const c_char,
    model: *mut *mut CModel,
    message: *mut c_char,
    message_size: usize,
) -> i32 {
    // SAFETY: the header demands that `message` has `message_size` bytes.
    let message = unsafe { Message::new(message, message_size) };
    guard(message, || {
        let make = || {
            // SAFETY: the header demands a path that ends in NUL.
            let path = unsafe { path_of(path) }?;
            Ok(CModel::new(Predictor::load(&path)?))
        };
        // SAFETY: the header demands that `model` can be written.
        unsafe { give(model, "model", make) }
    })
}

/// # Safety
/// `path` is null or points to text that ends in NUL.
unsafe fn path_of(path: *const c_char) -> Result<Box<Path>, Failure> {
    if path.is_null() {
        return Err(Failure::argument("`path` is a null pointer".into()));
    }
    // SAFETY: not null, and it ends in NUL by the caller's promise.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(Path::new(std::ffi::OsStr::from_bytes(bytes)).into())
    }
    #[cfg(not(unix))]
    match std::str::from_utf8(bytes) {
        Ok(path) => Ok(Path::new(path).into()),
        Err(_) => Err(Failure::argument("`path` is not UTF-8".into())),
    }
}

/// Loads a model from memory.
///
/// # Safety
/// Pointers are null or point to what the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_from_bytes(
    bytes: *const c_void,
    length: usize,
    model: *mut *mut CModel,
    message: *mut c_char,
    message_size: usize,
) -> i32 {
    // SAFETY: the header demands that `message` has `message_size` bytes.
    let message = unsafe { Message::new(message, message_size) };
    guard(message, || {
        let make = || {
            // SAFETY: the header demands `length` bytes.
            let bytes = unsafe { slice(bytes.cast::<u8>(), length, "bytes") }?;
            Ok(CModel::new(Predictor::from_bytes(bytes)?))
        };
        // SAFETY: the header demands that `model` can be written.
        unsafe { give(model, "model", make) }
    })
}

/// Frees a model.
///
/// # Safety
/// `model` is null or was loaded and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_free(model: *mut CModel) {
    // SAFETY: the header demands it.
    unsafe { free(model) }
}

/// Asks a model something; `otherwise` if the pointer is null.
///
/// # Safety
/// `model` is null or a model that outlives the answer.
unsafe fn ask<'a, T>(
    model: *const CModel,
    otherwise: T,
    question: impl FnOnce(&'a CModel) -> T,
) -> T
where
    T: Copy,
{
    // SAFETY: by the caller's promise.
    let model = unsafe { borrow(model, "model") };
    answer(otherwise, || model.map_or(otherwise, question))
}

/// Gives a name and its length.
///
/// # Safety
/// `model` is null or a model, `length` is null or may be written.
unsafe fn name(
    model: *const CModel,
    length: *mut usize,
    pick: impl FnOnce(&CModel) -> Option<&Name>,
) -> *const c_char {
    // SAFETY: by the caller's promise.
    let found = unsafe { ask(model, None, |model| pick(model).map(|name| name.0.as_str())) };
    // SAFETY: by the caller's promise.
    if let Ok(length) = unsafe { borrow_mut(length, "length") } {
        *length = found.map_or(0, |text| text.len() - 1);
    }
    found.map_or(std::ptr::null(), |text| text.as_ptr().cast())
}

/// What is predicted.
///
/// # Safety
/// `model` is null or a model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_task(model: *const CModel) -> i32 {
    let number = |model: &CModel| match model.predictor.schema().task {
        TaskKind::Regression => 0,
        TaskKind::Binary => 1,
        TaskKind::Multiclass => 2,
    };
    // SAFETY: the header demands it.
    unsafe { ask(model, -1, number) }
}

/// Name of the target column.
///
/// # Safety
/// `model` is null or a model, `length` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_target(
    model: *const CModel,
    length: *mut usize,
) -> *const c_char {
    // SAFETY: the header demands it.
    unsafe { name(model, length, |model| Some(&model.target)) }
}

/// Values of a row.
///
/// # Safety
/// `model` is null or a model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_n_columns(model: *const CModel) -> usize {
    // SAFETY: the header demands it.
    unsafe { ask(model, 0, |model| model.columns.len()) }
}

/// Name of a column.
///
/// # Safety
/// `model` is null or a model, `length` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_column_name(
    model: *const CModel,
    column: usize,
    length: *mut usize,
) -> *const c_char {
    // SAFETY: the header demands it.
    unsafe { name(model, length, |model| model.columns.get(column)) }
}

/// How the cells of a column are read.
///
/// # Safety
/// `model` is null or a model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_column_kind(model: *const CModel, column: usize) -> i32 {
    let number = |model: &CModel| match model.predictor.schema().columns.get(column) {
        None => -1,
        Some(column) => match column.kind {
            ColumnKind::Number => 0,
            ColumnKind::Boolean => 1,
            ColumnKind::Category => 2,
            ColumnKind::DateTime => 3,
        },
    };
    // SAFETY: the header demands it.
    unsafe { ask(model, -1, number) }
}

/// Whether every column holds numbers.
///
/// # Safety
/// `model` is null or a model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_takes_numbers(model: *const CModel) -> i32 {
    // SAFETY: the header demands it.
    unsafe { ask(model, 0, |model| i32::from(model.first_other.is_none())) }
}

/// Numbers of a prediction.
///
/// # Safety
/// `model` is null or a model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_n_outputs(model: *const CModel) -> usize {
    // SAFETY: the header demands it.
    unsafe { ask(model, 0, |model| model.predictor.n_outputs()) }
}

/// Classes.
///
/// # Safety
/// `model` is null or a model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_n_classes(model: *const CModel) -> usize {
    // SAFETY: the header demands it.
    unsafe { ask(model, 0, |model| model.classes.len()) }
}

/// Name of a class.
///
/// # Safety
/// `model` is null or a model, `length` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_model_class_name(
    model: *const CModel,
    index: usize,
    length: *mut usize,
) -> *const c_char {
    // SAFETY: the header demands it.
    unsafe { name(model, length, |model| model.classes.get(index)) }
}
