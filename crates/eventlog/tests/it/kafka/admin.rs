//! What an administrator does to a topic behind the log's back.

use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigSource, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset as At, TopicPartitionList};
use sextant_eventlog::kafka::KafkaConfig;

pub(crate) struct Admin {
    client: AdminClient<DefaultClientContext>,
    prefix: String,
}

impl Admin {
    pub(crate) fn new(config: &KafkaConfig) -> Self {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &config.brokers);
        Self {
            client: client.create().unwrap(),
            prefix: config.prefix.clone(),
        }
    }

    /// The topic's name in Kafka.
    pub(crate) fn full_name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// Sets these settings of a topic and leaves its others.
    pub(crate) async fn alter(&self, topic: &str, settings: &[(&str, &str)]) {
        let name = self.full_name(topic);
        let asked = [ResourceSpecifier::Topic(&name)];
        let found = self.client.describe_configs(&asked, &options()).await;
        let found = found.unwrap().remove(0).unwrap();
        let mut all = AlterConfig::new(ResourceSpecifier::Topic(&name));
        for entry in &found.entries {
            if entry.source == ConfigSource::DynamicTopic {
                all = all.set(&entry.name, entry.value.as_deref().unwrap());
            }
        }
        for (key, value) in settings {
            all = all.set(key, value);
        }
        let altered = self.client.alter_configs([&all], &options()).await;
        altered.unwrap().remove(0).unwrap();
    }

    /// Makes a topic with nothing but these settings.
    pub(crate) async fn create(&self, topic: &str, settings: &[(&str, &str)]) {
        let name = self.full_name(topic);
        let mut new = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
        for (key, value) in settings {
            new = new.set(key, value);
        }
        let created = self.client.create_topics([&new], &options()).await;
        created.unwrap().remove(0).unwrap();
    }

    pub(crate) async fn delete(&self, topic: &str) {
        let deleted = self
            .client
            .delete_topics(&[&self.full_name(topic)], &options());
        deleted.await.unwrap().remove(0).unwrap();
    }

    /// Deletes what partition 0 has below an offset, as retention does.
    pub(crate) async fn delete_below(&self, topic: &str, offset: i64) {
        let mut places = TopicPartitionList::new();
        let name = self.full_name(topic);
        places
            .add_partition_offset(&name, 0, At::Offset(offset))
            .unwrap();
        let deleted = self
            .client
            .delete_records(&places, &options())
            .await
            .unwrap();
        deleted.elements()[0].error().unwrap();
    }
}

fn options() -> AdminOptions {
    let limit = Some(Duration::from_secs(20));
    AdminOptions::new()
        .request_timeout(limit)
        .operation_timeout(limit)
}
