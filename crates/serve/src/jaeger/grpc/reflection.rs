//! Server reflection: tools such as `grpcurl` learn here which services there are and what their messages hold.
//!
//! The descriptors are those of `proto/services.binpb`; versions `v1` and `v1alpha` of the service differ in nothing but
//! the name.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use hyper::body::Incoming;
use model::proto::Message;
use net::{Body, Status, grpc};

use crate::message::{bytes, every, fields, text};

const PATHS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The longest question; a longer one ends the stream.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// A serialized `FileDescriptorSet`.
static DESCRIPTORS: &[u8] = include_bytes!("../../../../../proto/services.binpb");

static FILES: LazyLock<Files> = LazyLock::new(|| Files::read(DESCRIPTORS));

/// True where reflection is asked for.
pub(super) fn is_asked(path: &str) -> bool {
    PATHS.contains(&path)
}

/// Answers each question of the stream in its turn.
pub(super) fn serve(request: Request<Incoming>, services: &'static [&'static str]) -> Response<Body> {
    let asked = grpc::messages(request.into_body(), REQUEST_BYTES_MAX);
    grpc::stream(asked.map(|asked| asked.map(|asked| answer(&asked, services))))
}

/// Fields of a request.
mod request {
    pub(super) const FILE: u32 = 3;
    pub(super) const SYMBOL: u32 = 4;
    pub(super) const EXTENSION: u32 = 5;
    pub(super) const EXTENSIONS: u32 = 6;
    pub(super) const SERVICES: u32 = 7;
}

fn answer(asked: &Bytes, services: &[&str]) -> Bytes {
    let mut out = Message::new();
    out.text(1, text(asked, 1).unwrap_or_default());
    out.bytes(2, asked);
    let kind = fields(asked).map(|(number, _)| number).filter(|number| *number >= request::FILE).last();
    let named = |number| text(asked, number).unwrap_or_default();
    match kind {
        Some(request::FILE) => files(FILES.names.get(named(request::FILE)), named(request::FILE), &mut out),
        Some(request::SYMBOL) => {
            files(FILES.symbols.get(named(request::SYMBOL)), named(request::SYMBOL), &mut out);
        }
        Some(request::SERVICES) => out.message(6, |out| {
            let known = services.iter().filter(|service| FILES.symbols.contains_key(**service));
            known.for_each(|service| out.message(1, |out| out.text(1, service)));
        }),
        Some(request::EXTENSION) => {
            let of = bytes(asked, request::EXTENSION).and_then(|of| text(of, 1)).unwrap_or_default();
            files(None, of, &mut out);
        }
        Some(request::EXTENSIONS) => out.message(5, |out| out.text(1, named(request::EXTENSIONS))),
        _ => error(net::status::Code::InvalidArgument, "the request asks for nothing", &mut out),
    }
    out.into_bytes().into()
}

fn files(found: Option<&usize>, name: &str, out: &mut Message) {
    match found {
        Some(at) => out.message(4, |out| FILES.with_imports(*at).for_each(|file| out.bytes(1, file))),
        None => {
            let name: String = name.chars().take(100).collect();
            error(net::status::Code::NotFound, &format!("{name} is not known here"), out);
        }
    }
}

fn error(code: net::status::Code, message: &str, out: &mut Message) {
    let status = Status::new(code, message);
    out.message(7, |out| {
        out.varint(1, status.code as u64);
        out.text(2, &status.message);
    });
}

/// Every file, by its name and by what it defines.
struct Files {
    files: Vec<&'static [u8]>,
    names: HashMap<&'static str, usize>,
    symbols: HashMap<String, usize>,
}

impl Files {
    fn read(set: &'static [u8]) -> Self {
        let files: Vec<&'static [u8]> = every(set, 1).collect();
        let names = files.iter().enumerate().filter_map(|(at, file)| Some((text(file, 1)?, at))).collect();
        let mut symbols = HashMap::new();
        for (at, file) in files.iter().enumerate() {
            let package = text(file, 2).unwrap_or_default();
            let mut define = |name: String| {
                symbols.insert(name, at);
            };
            every(file, 4).for_each(|message| messages(message, package, &mut define));
            for service in every(file, 6) {
                let name = inside(package, text(service, 1).unwrap_or_default());
                every(service, 2)
                    .for_each(|method| define(inside(&name, text(method, 1).unwrap_or_default())));
                define(name);
            }
            let others = [5, 7].into_iter().flat_map(|number| every(file, number));
            others.for_each(|other| define(inside(package, text(other, 1).unwrap_or_default())));
        }
        Self { files, names, symbols }
    }

    /// A file after those that it imports.
    fn with_imports(&self, at: usize) -> impl Iterator<Item = &'static [u8]> {
        let (mut seen, mut order) = (HashSet::new(), Vec::new());
        self.visit(at, &mut seen, &mut order);
        order.into_iter().map(|at| self.files[at])
    }

    fn visit(&self, at: usize, seen: &mut HashSet<usize>, order: &mut Vec<usize>) {
        if !seen.insert(at) {
            return;
        }
        let imports = every(self.files[at], 3).filter_map(|name| std::str::from_utf8(name).ok());
        imports.filter_map(|name| self.names.get(name)).for_each(|import| self.visit(*import, seen, order));
        order.push(at);
    }
}

/// Notes a message with what is defined inside of it.
fn messages(message: &[u8], package: &str, define: &mut impl FnMut(String)) {
    let name = inside(package, text(message, 1).unwrap_or_default());
    every(message, 3).for_each(|nested| messages(nested, &name, define));
    every(message, 4).for_each(|nested| define(inside(&name, text(nested, 1).unwrap_or_default())));
    define(name);
}

fn inside(package: &str, name: &str) -> String {
    if package.is_empty() { name.to_owned() } else { format!("{package}.{name}") }
}
