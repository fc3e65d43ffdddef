// A network in which the app has a subnet and storage, database and vault have private endpoints.
param name string
param location string
param tags object
param storageId string
param sqlServerId string
param vaultId string
@description('The plan decides to whom the subnet of the app is handed over.')
param appDelegation string

resource network 'Microsoft.Network/virtualNetworks@2024-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.20.0.0/16'
      ]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: '10.20.0.0/24'
          delegations: [
            {
              name: 'app'
              properties: {
                serviceName: appDelegation
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.20.1.0/24'
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }
}

var endpoints = [
  {
    name: 'blob'
    resourceId: storageId
    zone: 'privatelink.blob.${environment().suffixes.storage}'
  }
  {
    name: 'queue'
    resourceId: storageId
    zone: 'privatelink.queue.${environment().suffixes.storage}'
  }
  {
    name: 'sqlServer'
    resourceId: sqlServerId
    zone: 'privatelink${environment().suffixes.sqlServerHostname}'
  }
  {
    name: 'vault'
    resourceId: vaultId
    zone: 'privatelink.vaultcore.azure.net'
  }
]

// One after another: each changes the same subnet.
@batchSize(1)
module privateEndpoints 'private-endpoint.bicep' = [for endpoint in endpoints: {
  name: 'endpoint-${endpoint.name}'
  params: {
    name: '${name}-${endpoint.name}'
    location: location
    tags: tags
    networkId: network.id
    subnetId: '${network.id}/subnets/endpoints'
    resourceId: endpoint.resourceId
    groupId: endpoint.name
    zoneName: endpoint.zone
  }
}]

output appSubnetId string = '${network.id}/subnets/app'
