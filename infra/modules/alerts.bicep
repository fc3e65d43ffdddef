// Rules that wake a person. The service says what is wrong as events; the queries stand in infra/queries, so that they
// can be run by hand and are held to what the code sends.
param namePrefix string
param location string
param tags object
param componentId string
param databaseId string
@description('Who is told; empty for nobody: then alerts are seen in the portal only.')
param emailAddress string

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(emailAddress)) {
  name: '${namePrefix}-operators'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'invoices'
    emailReceivers: [
      {
        name: 'operators'
        emailAddress: emailAddress
        useCommonAlertSchema: true
      }
    ]
  }
}

var actionGroups = empty(emailAddress) ? [] : [
  people.id
]

// Severity: 0 critical to 4 verbose.
var rules = [
  {
    name: 'company-down'
    description: 'A company has no key that can serve, or its dropped files have no answer.'
    query: loadTextContent('../queries/alert-company-down.kql')
    severity: 1
    window: 'PT5M'
    operator: 'GreaterThan'
  }
  {
    name: 'keys-running-out'
    description: 'A key is low, used up, refused by its provider or past its end.'
    query: loadTextContent('../queries/alert-keys-running-out.kql')
    severity: 2
    window: 'PT5M'
    operator: 'GreaterThan'
  }
  {
    name: 'books-disagree'
    description: 'Sums and rows disagree, or bookings cannot be made.'
    query: loadTextContent('../queries/alert-books-disagree.kql')
    severity: 1
    window: 'PT5M'
    operator: 'GreaterThan'
  }
  {
    name: 'connections-over-limit'
    description: 'At worst the processes hold more connections than the database takes.'
    query: loadTextContent('../queries/alert-connections.kql')
    severity: 2
    window: 'PT5M'
    operator: 'GreaterThan'
  }
  {
    name: 'faults'
    description: 'Uploads end in errors of the service itself.'
    query: loadTextContent('../queries/alert-faults.kql')
    severity: 1
    window: 'PT15M'
    operator: 'GreaterThan'
  }
  {
    name: 'timer-stands-still'
    description: 'The timer has not run for an hour: bookings, statuses and sweeps wait.'
    query: loadTextContent('../queries/alert-timer.kql')
    severity: 1
    window: 'PT1H'
    operator: 'LessThan'
  }
]

resource queryRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: '${namePrefix}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${namePrefix} ${rule.name}'
    description: rule.description
    severity: rule.severity
    enabled: true
    scopes: [
      componentId
    ]
    evaluationFrequency: rule.window == 'PT1H' ? 'PT15M' : 'PT5M'
    windowSize: rule.window
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: rule.operator
          threshold: rule.operator == 'LessThan' ? 1 : 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: rule.operator == 'LessThan'
    actions: {
      actionGroups: actionGroups
    }
  }
}]

// More instances than planned for show here first: the database refuses work beyond its workers (error 10928).
resource workers 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${namePrefix}-database-workers'
  location: 'global'
  tags: tags
  properties: {
    description: 'The workers of the database are nearly used up.'
    severity: 2
    enabled: true
    scopes: [
      databaseId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'workers'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'workers_percent'
          operator: 'GreaterThan'
          threshold: 80
          timeAggregation: 'Maximum'
        }
      ]
    }
    actions: [for group in actionGroups: {
      actionGroupId: group
    }]
  }
}
