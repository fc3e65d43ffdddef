// The whole deployment, without a key or password: `azd up` starts here. docs/deployment.md goes through it.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('Name of the environment; all names follow from it.')
param environmentName string

@minLength(1)
@description('Region of all resources.')
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@allowed([
  'flex'
  'premium'
])
@description('flex: scales to zero, new blobs by Event Grid. premium: one instance always runs and polls.')
param plan string = 'flex'

@allowed([
  'Recreate'
  'RollingUpdate'
])
@description('How instances on Flex Consumption take new code; Recreate ends what runs.')
param updateStrategy string = 'RollingUpdate'

@description('A network of its own; storage, database and vault are then reached by private endpoints only.')
param privateNetwork bool = false

@description('Survive the loss of one data centre: the plan, the storage and the database.')
param zoneRedundant bool = false

@allowed([
  512
  2048
  4096
])
@description('Of one instance on Flex Consumption; the second reader (requirements-ocr.txt) needs 2048.')
param instanceMemoryMB int = 2048

@minValue(1)
@maxValue(1000)
@description('Most instances of one group of functions.')
param maximumInstances int = 10

@minValue(1)
@maxValue(96)
@description('Requests that one instance takes at once before another one is started.')
param httpConcurrency int = 16

@minValue(1)
@maxValue(4)
@description('Worker processes of one instance, each with a pool of its own.')
param processesPerInstance int = 1

@allowed([
  1
  2
  4
  6
  8
  10
  12
  14
  16
  18
  20
  24
  32
  40
  80
])
@description('vCores of the database at most, of the sizes that there are; each allows 75 connections. An eighth of it, and half a vCore at least, is the minimum.')
param sqlMaxVCores int = 4

@description('Minutes without a session until the database pauses; -1 for never. The timer keeps it awake: see rollupSchedule.')
param sqlAutoPauseMinutes int = -1

@description('The timer of the service: six fields, UTC.')
param rollupSchedule string = '0 */5 * * * *'

@description('Who administers the database: name and object id in Microsoft Entra ID.')
param sqlAdministratorName string
param sqlAdministratorObjectId string
@allowed([
  'User'
  'Group'
  'Application'
])
param sqlAdministratorType string = 'User'

@description('Public address from which this is deployed, for the hooks that bring the schema up to date; empty for none.')
param operatorAddress string = ''

@description('Object id of who deploys, to write the ring of encryption keys into the vault; empty when somebody else does.')
param deployerObjectId string = ''
@allowed([
  'User'
  'Group'
  'ServicePrincipal'
])
param deployerType string = 'User'

@allowed([
  'off'
  'review'
  'all'
])
@description('Of which documents a copy is kept.')
param keepDocuments string = 'review'

param geminiModel string = 'gemini-3.5-flash-lite'
param openaiModel string = 'gpt-5-mini'
@description('Further models that a request may name, joined by commas.')
param allowedModels string = ''

@description('Who is told of alerts by e-mail; empty for nobody.')
param alertEmail string = ''

@description('Where alerts go as webhooks; empty for nowhere. Its secret stands in the vault as alert-webhook-secret.')
param alertWebhookUrl string = ''

@description('The platform exports by OpenTelemetry in place of the service\'s own sender.')
param openTelemetry bool = false

@description('Collector that takes the OpenTelemetry protocol over HTTP; empty for Application Insights.')
param otlpEndpoint string = ''

@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('GB of telemetry a day after which nothing more is taken; -1 for no limit.')
param logDailyQuotaGb int = -1

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var packageContainer = 'app-package'
var isFlex = plan == 'flex'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-invoices-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${token}'
    componentName: 'appi-${token}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    zoneRedundant: zoneRedundant
    isPrivate: privateNetwork
    packageContainer: packageContainer
  }
}

module database 'modules/database.bicep' = {
  name: 'database'
  scope: group
  params: {
    serverName: 'sql-${token}'
    databaseName: 'invoices'
    location: location
    tags: tags
    administratorName: sqlAdministratorName
    administratorObjectId: sqlAdministratorObjectId
    administratorType: sqlAdministratorType
    maxVCores: sqlMaxVCores
    autoPauseMinutes: sqlAutoPauseMinutes
    zoneRedundant: zoneRedundant
    isPrivate: privateNetwork
    operatorAddress: operatorAddress
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    isPrivate: privateNetwork
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    deployerObjectId: deployerObjectId
    deployerType: deployerType
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    componentName: monitoring.outputs.componentName
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
    storageId: storage.outputs.id
    sqlServerId: database.outputs.serverId
    vaultId: vault.outputs.id
    appDelegation: isFlex ? 'Microsoft.App/environments' : 'Microsoft.Web/serverFarms'
  }
}

module pool 'modules/pool.bicep' = {
  name: 'pool'
  scope: group
  params: {
    maxVCores: sqlMaxVCores
    maximumInstances: maximumInstances
    processesPerInstance: processesPerInstance
    groups: isFlex ? 4 : 1
    instancesBeyondControl: isFlex ? 60 : 0
  }
}

module settings 'modules/settings.bicep' = {
  name: 'settings'
  scope: group
  params: {
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    identityClientId: identity.outputs.clientId
    databaseHost: database.outputs.host
    databaseName: database.outputs.databaseName
    vaultUri: vault.outputs.uri
    connectionString: monitoring.outputs.connectionString
    poolSize: pool.outputs.poolSize
    maxOverflow: pool.outputs.maxOverflow
    connectionLimit: pool.outputs.connectionLimit
    worstCaseProcesses: pool.outputs.worstCaseProcesses
    processesPerInstance: processesPerInstance
    threads: 32
    rollupSchedule: rollupSchedule
    keepDocuments: keepDocuments
    geminiModel: geminiModel
    openaiModel: openaiModel
    allowedModels: allowedModels
    alertWebhookUrl: alertWebhookUrl
    openTelemetry: openTelemetry
    otlpEndpoint: otlpEndpoint
  }
}

module flex 'modules/app-flex.bicep' = if (isFlex) {
  name: 'app-flex'
  scope: group
  params: {
    name: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    packageContainerUri: '${storage.outputs.blobEndpoint}${packageContainer}'
    settings: settings.outputs.values
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    httpConcurrency: httpConcurrency
    updateStrategy: updateStrategy
    zoneRedundant: zoneRedundant
    subnetId: privateNetwork ? network.outputs.appSubnetId : ''
  }
  dependsOn: [
    roles
  ]
}

module premium 'modules/app-premium.bicep' = if (!isFlex) {
  name: 'app-premium'
  scope: group
  params: {
    name: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    packageUri: '${storage.outputs.blobEndpoint}${packageContainer}/app-premium.zip'
    settings: settings.outputs.values
    maximumInstances: maximumInstances
    zoneRedundant: zoneRedundant
    subnetId: privateNetwork ? network.outputs.appSubnetId : ''
  }
  dependsOn: [
    roles
  ]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    namePrefix: 'invoices-${environmentName}'
    location: location
    tags: tags
    componentId: monitoring.outputs.componentId
    databaseId: database.outputs.databaseId
    emailAddress: alertEmail
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    name: 'Invoices ${environmentName}'
    location: location
    tags: tags
    componentId: monitoring.outputs.componentId
  }
}

// What the hooks read; azd keeps it in the environment. Names and addresses only.
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_LOCATION string = location
output APP_PLAN string = plan
output APP_NAME string = 'func-${token}'
output APP_HOST string = isFlex ? flex.outputs.host : premium.outputs.host
output STORAGE_NAME string = storage.outputs.name
output PACKAGE_CONTAINER string = packageContainer
output SQL_HOST string = database.outputs.host
output SQL_DATABASE string = database.outputs.databaseName
output VAULT_NAME string = vault.outputs.name
output IDENTITY_NAME string = identity.outputs.name
output IDENTITY_CLIENT_ID string = identity.outputs.clientId
output IDENTITY_OBJECT_ID string = identity.outputs.principalId
output DB_POOL_SIZE int = pool.outputs.poolSize
