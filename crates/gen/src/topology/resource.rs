//! Writes the resources of pods and the scopes of services, once, as bytes.

use model::proto::Message;
use model::{Value, otlp};

use super::{Pod, Service};
use crate::chance::Chance;
use crate::language::Language;

const ZONES: [&str; 3] = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];
const NAMESPACES: [(&str, &str); 4] = [
    ("shop", "shop-prod"),
    ("billing", "billing-prod"),
    ("platform", "platform-prod"),
    ("growth", "growth-prod"),
];

/// Adds 4 to 35 pods of a service, a tenth of them on the next version.
pub(super) fn pods(chance: &mut Chance, place: usize, service: &Service, pods: &mut Vec<Pod>) {
    let count = 4 + chance.below(32);
    let version = format!("{}.{}.{}", 1 + chance.below(5), chance.below(20), chance.below(30));
    let next = format!("{version}-rc1");
    let replica_set = hex(chance, 10);
    for _ in 0..count {
        let version = if chance.happens(0.1) { &next } else { &version };
        let name = format!("{}-{replica_set}-{}", service.name, hex(chance, 5));
        pods.push(Pod { service: place, resource: resource(chance, place, service, (&name, version)) });
    }
}

fn resource(chance: &mut Chance, place: usize, service: &Service, (pod, version): (&str, &str)) -> Vec<u8> {
    let (namespace, cluster_namespace) = NAMESPACES[place % 4];
    let node = format!("ip-10-0-{}-{}.eu-central-1.compute.internal", chance.below(8), chance.below(40));
    let mut message = Message::with_capacity(600);
    let mut put = |key, value: &str| {
        otlp::attribute(&mut message, otlp::resource::ATTRIBUTES, key, Value::Text(value));
    };
    put("service.name", &service.name);
    put("service.version", version);
    put("service.namespace", namespace);
    put(service.names.environment, "production");
    put("k8s.pod.name", pod);
    put("k8s.namespace.name", cluster_namespace);
    put("k8s.node.name", &node);
    put("telemetry.sdk.language", service.language.name);
    put("telemetry.sdk.version", service.language.sdk_version);
    let zone = *chance.pick(&ZONES);
    if service.language.finds_container {
        put("container.id", &hex(chance, 64));
    } else {
        put("cloud.availability_zone", zone);
    }
    message.into_bytes()
}

/// The scopes of a service, by area; its own has the service's version.
pub(super) fn scopes(language: &Language, own_version: &str) -> [Vec<u8>; 5] {
    language.scopes.map(|(name, version)| {
        let mut message = Message::new();
        message.text(otlp::scope::NAME, name);
        message.text(otlp::scope::VERSION, if version.is_empty() { own_version } else { version });
        message.into_bytes()
    })
}

fn hex(chance: &mut Chance, length: usize) -> String {
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        text.push_str(&format!("{:016x}", chance.bits()));
    }
    text.truncate(length);
    text
}
