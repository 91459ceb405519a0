//! Serves ClickHouse over HTTP on 127.0.0.1, from its engine as a library.
//!
//! `sextant-clickhouse LIBRARY FOLDER PORT CONFIG`: the data lies in FOLDER; the port, which is
//! chosen if PORT is 0, is written to `FOLDER/http_port` once it is open. Runs until it is killed:
//! ending in order waits for open connections, and what it would save is not for tests.

use std::env;
use std::ffi::{CStr, CString, OsString, c_char, c_int};
use std::io::pipe;
use std::os::fd::AsRawFd as _;
use std::thread;

use anyhow::{Context as _, Result, bail};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW, Symbol};

/// What the engine's main thread has in ClickHouse itself; a thread here would get an eighth.
const STACK_BYTES: usize = 16 << 20;

type Run = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut ChdbResult;
type ErrorOf = unsafe extern "C" fn(*mut ChdbResult) -> *const c_char;

/// Belongs to the library.
#[repr(C)]
struct ChdbResult(());

fn main() -> Result<()> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [library, folder, port, config] = &arguments[..] else {
        bail!("usage: sextant-clickhouse LIBRARY FOLDER PORT CONFIG");
    };
    let texts = [folder, port, config].map(|argument| argument.to_string_lossy().into_owned());
    let library = library.clone();
    let engine = thread::Builder::new().stack_size(STACK_BYTES);
    let running = engine.spawn(move || serve(&library, &texts))?;
    match running.join() {
        Ok(ended) => ended,
        Err(_) => bail!("the engine's thread panicked"),
    }
}

fn serve(library: &OsString, [folder, port, config]: &[String; 3]) -> Result<()> {
    // The last statement reads this pipe. Nothing is ever written to it, and it is never closed.
    let (reader, _writer) = pipe()?;
    let script = format!(
        "SYSTEM START LISTEN HTTP;
         SELECT getServerPort('http_port') INTO OUTFILE '{folder}/http_port' FORMAT TSV;
         SELECT * FROM file('/proc/self/fd/{}', 'LineAsString', 'l String') FORMAT Null",
        reader.as_raw_fd()
    );
    let arguments = [
        "clickhouse".to_owned(),
        format!("--path={folder}"),
        format!("--config-file={config}"),
        "--listen_host=127.0.0.1".to_owned(),
        format!("--http_port={port}"),
        "--implicit_select=0".to_owned(),
        "--allow_introspection_functions=0".to_owned(),
        format!("--query={script}"),
    ];
    let arguments: Vec<CString> = arguments
        .into_iter()
        .map(CString::new)
        .collect::<Result<_, _>>()?;
    let mut pointers: Vec<*mut c_char> =
        arguments.iter().map(|it| it.as_ptr().cast_mut()).collect();
    let count = c_int::try_from(pointers.len())?;
    pointers.push(std::ptr::null_mut());
    run(library, count, &mut pointers)
}

#[expect(unsafe_code, reason = "the engine is a C library")]
fn run(library: &OsString, count: c_int, arguments: &mut [*mut c_char]) -> Result<()> {
    // SAFETY: the functions have these types in the header of the version that the lock file names;
    // the arguments outlive the call; the library, which starts threads, is never unloaded.
    unsafe {
        let loaded = Library::open(Some(library), RTLD_NOW | RTLD_LOCAL);
        let library = loaded.context("load the engine")?;
        let run: Symbol<Run> = library.get(b"chdb_query_cmdline\0")?;
        let error_of: Symbol<ErrorOf> = library.get(b"chdb_result_error\0")?;
        let result = run(count, arguments.as_mut_ptr());
        let error = if result.is_null() {
            std::ptr::null()
        } else {
            error_of(result)
        };
        let reason = if error.is_null() {
            "it ended by itself".into()
        } else {
            CStr::from_ptr(error).to_string_lossy()
        };
        std::mem::forget(library);
        bail!("the engine has stopped: {reason}")
    }
}
