// How many connections each process may hold, so that all of them together stay within what the database takes.
//
// Azure SQL's limit is that of concurrent workers: 75 for each vCore of a serverless database up to 8 vCores and beyond
// (Microsoft Learn, "Resource limits for single databases using the vCore purchasing model"). On Flex Consumption each
// group of functions (http, blob, queue, timer) scales on its own, and the configured maximum is not enforced for http:
// 30 to 60 instances were seen at a maximum of 1. So the worst case is the larger one of the two.
param maxVCores int
@minValue(1)
param maximumInstances int
@minValue(1)
@maxValue(10)
param processesPerInstance int
@minValue(1)
@description('Groups of functions that scale each on their own: four on Flex Consumption, else one.')
param groups int
@description('Instances that were seen whatever the maximum says; 0 where the plan enforces it.')
param instancesBeyondControl int
@description('Connections that are left to operators: migrations, manage.py, reports.')
param reserved int = 20

var workersPerVCore = 75
var databaseLimit = maxVCores * workersPerVCore
var worstCaseInstances = max(maximumInstances * groups, instancesBeyondControl)
var processes = worstCaseInstances * processesPerInstance
var perProcess = (databaseLimit - reserved) / processes
// One of four for peaks. Each process needs at least one connection; the service warns where that is too many.
var overflow = perProcess / 4

output connectionLimit int = databaseLimit - reserved
output worstCaseProcesses int = processes
output poolSize int = max(perProcess - overflow, 1)
output maxOverflow int = overflow
