// The app on Elastic Premium, for those who want no Event Grid: the blob trigger polls, and one instance always runs.
//
// The package is taken from a blob by the identity. A content share, which this plan has otherwise, needs a key.
param name string
param planName string
param location string
param tags object
param identityId string
param packageUri string
param settings object
param maximumInstances int
param zoneRedundant bool
@description('Empty without a network of its own.')
param subnetId string

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'elastic'
  sku: {
    name: 'EP1'
    tier: 'ElasticPremium'
    capacity: zoneRedundant ? 2 : 1
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
    maximumElasticWorkerCount: maximumInstances
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      linuxFxVersion: 'Python|3.13'
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      healthCheckPath: '/api/health/live'
      minimumElasticInstanceCount: zoneRedundant ? 2 : 1
      functionAppScaleLimit: maximumInstances
      // In a network of its own the platform cannot look into the closed storage: the app itself says when it needs more.
      functionsRuntimeScaleMonitoringEnabled: !empty(subnetId)
      vnetRouteAllEnabled: !empty(subnetId)
    }
  }
}

resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union(settings, {
    FUNCTIONS_WORKER_RUNTIME: 'python'
    WEBSITE_RUN_FROM_PACKAGE: packageUri
    WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID: identityId
  })
}

resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

output name string = app.name
output id string = app.id
output host string = app.properties.defaultHostName
