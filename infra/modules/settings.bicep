// The settings of the app under both plans. Not a single secret: what is one stands in the vault.
param blobEndpoint string
param queueEndpoint string
param identityClientId string
param databaseHost string
param databaseName string
param vaultUri string
param connectionString string
param poolSize int
param maxOverflow int
param connectionLimit int
param worstCaseProcesses int
param processesPerInstance int
param threads int
param rollupSchedule string
param keepDocuments string
param geminiModel string
param openaiModel string
param allowedModels string
param alertWebhookUrl string
param openTelemetry bool
param otlpEndpoint string

var common = {
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_PROCESS_COUNT: string(processesPerInstance)
  PYTHON_THREADPOOL_THREAD_COUNT: string(threads)
  ROLLUP_SCHEDULE: rollupSchedule

  // Storage by identity: the blob trigger needs the queue service too.
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__queueServiceUri: queueEndpoint
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId

  // No login in it: the service hands a token of its identity over at each one.
  AZURE_SQL_CONNECTION_STRING: 'Driver={ODBC Driver 18 for SQL Server};Server=tcp:${databaseHost},1433;Database=${databaseName};Encrypt=yes;TrustServerCertificate=no'
  DB_MANAGED_IDENTITY_CLIENT_ID: identityClientId
  // The hook before a deployment does it, with more rights than the service has.
  DB_AUTO_MIGRATE: 'false'
  DB_POOL_SIZE: string(poolSize)
  DB_MAX_OVERFLOW: string(maxOverflow)
  DB_CONNECTION_LIMIT: string(connectionLimit)
  DB_WORST_CASE_PROCESSES: string(worstCaseProcesses)

  TOKEN_ENCRYPTION_KEYS: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/token-encryption-keys)'
  KEEP_DOCUMENTS: keepDocuments
  GEMINI_MODEL: geminiModel
  OPENAI_MODEL: openaiModel

  APPLICATIONINSIGHTS_CONNECTION_STRING: connectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

var models = empty(allowedModels) ? {} : {
  ALLOWED_MODELS: allowedModels
}

var webhook = empty(alertWebhookUrl) ? {} : {
  ALERT_WEBHOOK_URL: alertWebhookUrl
  ALERT_WEBHOOK_SECRET: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/alert-webhook-secret)'
}

// telemetryMode of host.json, and the worker's side of it: to Application Insights, or to a collector.
var byOpenTelemetry = {
  AzureFunctionsJobHost__telemetryMode: 'OpenTelemetry'
  PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: string(empty(otlpEndpoint))
  PYTHON_ENABLE_OPENTELEMETRY: string(!empty(otlpEndpoint))
}

var collector = {
  OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint
}

output values object = union(common, models, webhook, openTelemetry ? byOpenTelemetry : {}, (openTelemetry && !empty(otlpEndpoint)) ? collector : {})
