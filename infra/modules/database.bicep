// Azure SQL, serverless. Nobody logs in with a password: administrators and the service are known to Microsoft Entra ID.
param serverName string
param databaseName string
param location string
param tags object
param administratorName string
param administratorObjectId string
@allowed([
  'User'
  'Group'
  'Application'
])
param administratorType string
param maxVCores int
@description('Minutes without a session until it pauses; -1 for never. The timer of the service keeps it awake.')
param autoPauseMinutes int
param zoneRedundant bool
param isPrivate bool
@description('Address from which the schema is brought up to date; empty for none.')
param operatorAddress string

// What Azure takes as the least vCores is an eighth of the most, and half a one at least (Microsoft Learn, "Resource
// limits for single databases using the vCore purchasing model", General Purpose, serverless). Bicep has no fractions.
var leastThousandths = max(maxVCores * 125, 500)
var minVCores = '${leastThousandths / 1000}.${padLeft(string(leastThousandths % 1000), 3, '0')}'

resource server 'Microsoft.Sql/servers@2023-08-01' = {
  name: serverName
  location: location
  tags: tags
  properties: {
    minimalTlsVersion: '1.2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    administrators: {
      administratorType: 'ActiveDirectory'
      azureADOnlyAuthentication: true
      principalType: administratorType
      login: administratorName
      sid: administratorObjectId
      tenantId: tenant().tenantId
    }
  }
}

resource database 'Microsoft.Sql/servers/databases@2023-08-01' = {
  parent: server
  name: databaseName
  location: location
  tags: tags
  sku: {
    name: 'GP_S_Gen5'
    tier: 'GeneralPurpose'
    family: 'Gen5'
    capacity: maxVCores
  }
  properties: {
    minCapacity: json(minVCores)
    autoPauseDelay: autoPauseMinutes
    zoneRedundant: zoneRedundant
    requestedBackupStorageRedundancy: zoneRedundant ? 'Zone' : 'Local'
  }
}

// Backups of a week allow to go back to any moment of it.
resource backups 'Microsoft.Sql/servers/databases/backupShortTermRetentionPolicies@2023-08-01' = {
  parent: database
  name: 'default'
  properties: {
    retentionDays: 7
  }
}

// 0.0.0.0 means services of Azure: Flex Consumption without a network of its own has no fixed addresses.
resource fromAzure 'Microsoft.Sql/servers/firewallRules@2023-08-01' = if (!isPrivate) {
  parent: server
  name: 'AllowAllWindowsAzureIps'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
}

resource fromOperator 'Microsoft.Sql/servers/firewallRules@2023-08-01' = if (!isPrivate && !empty(operatorAddress)) {
  parent: server
  name: 'Operator'
  properties: {
    startIpAddress: operatorAddress
    endIpAddress: operatorAddress
  }
}

output serverId string = server.id
output databaseId string = database.id
output host string = server.properties.fullyQualifiedDomainName
output databaseName string = database.name
