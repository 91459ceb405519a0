#!/bin/sh
# Gives each role what it needs of Kafka, and no more: the commands of docs/kafka.md, "Rights".
#
#   ADMIN="--bootstrap-server kafka-1:9093 --command-config admin.properties" sh deploy/kafka/acls.sh
#
# With a prefix (`[kafka] prefix`), say so: PREFIX=live-
set -eu
: "${ADMIN:?what kafka-acls.sh reaches the brokers by}"
PREFIX="${PREFIX:-}"

# Making the topics
kafka-acls.sh $ADMIN --add --allow-principal User:collector --operation Create --operation Describe --operation DescribeConfigs \
  --resource-pattern-type prefixed --topic "${PREFIX}"sextant.

# Collector
kafka-acls.sh $ADMIN --add --allow-principal User:collector --operation Describe --operation DescribeConfigs \
  --resource-pattern-type prefixed --topic "${PREFIX}"sextant.
kafka-acls.sh $ADMIN --add --allow-principal User:collector --operation Write --topic "${PREFIX}"sextant.observations.v1

# Aggregator
kafka-acls.sh $ADMIN --add --allow-principal User:aggregator --operation Describe --operation DescribeConfigs \
  --resource-pattern-type prefixed --topic "${PREFIX}"sextant.
kafka-acls.sh $ADMIN --add --allow-principal User:aggregator --operation Read \
  --topic "${PREFIX}"sextant.observations.v1 --topic "${PREFIX}"sextant.windows.v1 --topic "${PREFIX}"sextant.gates.v1
kafka-acls.sh $ADMIN --add --allow-principal User:aggregator --operation Write \
  --topic "${PREFIX}"sextant.windows.v1 --topic "${PREFIX}"sextant.dead-letters.v1
kafka-acls.sh $ADMIN --add --allow-principal User:aggregator --operation Read --group "${PREFIX}"sextant-aggregator

# Archive
kafka-acls.sh $ADMIN --add --allow-principal User:archive --operation Describe --operation DescribeConfigs \
  --resource-pattern-type prefixed --topic "${PREFIX}"sextant.
kafka-acls.sh $ADMIN --add --allow-principal User:archive --operation Read --topic "${PREFIX}"sextant.observations.v1
kafka-acls.sh $ADMIN --add --allow-principal User:archive --operation Read --group "${PREFIX}"sextant-archive

# Server
kafka-acls.sh $ADMIN --add --allow-principal User:server --operation Describe --operation DescribeConfigs \
  --resource-pattern-type prefixed --topic "${PREFIX}"sextant.
kafka-acls.sh $ADMIN --add --allow-principal User:server --operation Read \
  --topic "${PREFIX}"sextant.windows.v1 --topic "${PREFIX}"sextant.gates.v1
kafka-acls.sh $ADMIN --add --allow-principal User:server --operation Write --topic "${PREFIX}"sextant.gates.v1

# Alerts
kafka-acls.sh $ADMIN --add --allow-principal User:alerts --operation Describe --operation DescribeConfigs \
  --resource-pattern-type prefixed --topic "${PREFIX}"sextant.
kafka-acls.sh $ADMIN --add --allow-principal User:alerts --operation Read \
  --topic "${PREFIX}"sextant.windows.v1 --topic "${PREFIX}"sextant.gates.v1 --topic "${PREFIX}"sextant.alerts.v1
kafka-acls.sh $ADMIN --add --allow-principal User:alerts --operation Write --topic "${PREFIX}"sextant.alerts.v1
kafka-acls.sh $ADMIN --add --allow-principal User:alerts --operation Read --group "${PREFIX}"sextant-alerts
