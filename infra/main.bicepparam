// The values of a deployment. `azd env set NAME VALUE` sets what is read from the environment here.
//
// What each resource costs at rest, with the defaults and no traffic. Amounts are what the meter counts in a month of 730
// hours; the price of one unit is for you to look up, in your region and currency, at
// https://azure.microsoft.com/pricing/calculator (list prices change, and your agreement may have others). Written 2026-11-29.
//
//   Flex Consumption      one always-ready instance for blobs: 2 GB x 730 h x 3,600 s = 5,256,000 GB-s of the meter
//                         "Always Ready Baseline"; instances on demand cost nothing at rest. zoneRedundant: the platform
//                         keeps two ready for each group of functions, whatever is asked for, and counts them. The timer: 8,760 executions of some seconds.
//   Elastic Premium       (plan = 'premium') one EP1: 730 h of 1 vCPU and of 3.5 GB; zoneRedundant: twice that.
//   Azure SQL             at least 0.5 vCore x 730 h x 3,600 s = 1,314,000 vCore seconds, because the timer touches it
//                         every five minutes and it never pauses; storage and backups by the GB. zoneRedundant is dearer.
//                         With rollupSchedule = '0 0 3 * * *' and sqlAutoPauseMinutes = 60: storage, and an hour or two a day.
//   Storage               by the GB and by 10,000 operations: the host's leases and polled queues, some 100,000 a day.
//   Key Vault             by 10,000 operations; a few at each start of an instance.
//   Log Analytics         by the GB taken; at rest the timer's lines and the host's: well under 1 GB.
//   Alert rules           six log queries, at 5 or 15 minutes, and one metric.
//   Event Grid            by the million operations; the first 100,000 of a month are free at the time of writing.
//   Private network       (privateNetwork = true) four private endpoints x 730 h, four DNS zones.
//   Identity, workbook    nothing.
using './main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'invoices')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param plan = readEnvironmentVariable('APP_PLAN', 'flex')
param updateStrategy = readEnvironmentVariable('UPDATE_STRATEGY', 'RollingUpdate')
param privateNetwork = bool(readEnvironmentVariable('PRIVATE_NETWORK', 'false'))
param zoneRedundant = bool(readEnvironmentVariable('ZONE_REDUNDANT', 'false'))
param maximumInstances = int(readEnvironmentVariable('MAXIMUM_INSTANCES', '10'))
param sqlMaxVCores = int(readEnvironmentVariable('SQL_MAX_VCORES', '4'))
param sqlAutoPauseMinutes = int(readEnvironmentVariable('SQL_AUTO_PAUSE_MINUTES', '-1'))
param rollupSchedule = readEnvironmentVariable('ROLLUP_SCHEDULE', '0 */5 * * * *')
param sqlAdministratorName = readEnvironmentVariable('SQL_ADMINISTRATOR_NAME', '')
param sqlAdministratorObjectId = readEnvironmentVariable('SQL_ADMINISTRATOR_OBJECT_ID', readEnvironmentVariable('AZURE_PRINCIPAL_ID', ''))
param sqlAdministratorType = readEnvironmentVariable('SQL_ADMINISTRATOR_TYPE', 'User')
param operatorAddress = readEnvironmentVariable('OPERATOR_ADDRESS', '')
param deployerObjectId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param deployerType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param alertWebhookUrl = readEnvironmentVariable('ALERT_WEBHOOK_URL', '')
param openTelemetry = bool(readEnvironmentVariable('OPEN_TELEMETRY', 'false'))
param otlpEndpoint = readEnvironmentVariable('OTLP_ENDPOINT', '')
