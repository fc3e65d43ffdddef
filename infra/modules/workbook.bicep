// The workbook of operators: infra/workbook.json, which can be imported by hand as well.
param name string
param location string
param tags object
param componentId string

resource workbook 'Microsoft.Insights/workbooks@2022-04-01' = {
  name: guid(resourceGroup().id, name)
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: name
    category: 'workbook'
    version: '1.0'
    sourceId: componentId
    serializedData: loadTextContent('../workbook.json')
  }
}
